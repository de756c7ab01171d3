"""What polls over SSH and HTTPS say, as it is stored, and the same for people: see `sentences`."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from controller.console.marking import N_

SENTENCES: Final[Mapping[str, str]] = MappingProxyType(
    {
        # SSH
        "no SSH at %(where)s: %(said)s": N_("no hay SSH en %(where)s: %(said)s"),
        "it accepts the connection and says nothing": N_("acepta la conexión y no dice nada"),
        "it accepts the connection and says nothing of SSH": N_("acepta la conexión y no habla SSH"),
        "it hung up in the middle of our login": N_("colgó a la mitad de nuestra entrada"),
        "it refuses the connection": N_("rechaza la conexión"),
        "the network knows no way to it": N_("la red no conoce el camino hasta él"),
        "it does not answer": N_("no responde"),
        "the connection is closed": N_("la conexión está cerrada"),
        "its login is closed": N_("su sesión está cerrada"),
        "check power, cable and address": N_("revise energía, cable y dirección"),
        "it has power, its SSH server hangs: restart it, or check that it is SSH that listens there": N_(
            "tiene energía, su servidor SSH está trabado: reinícielo, o revise que sea SSH lo que ahí escucha"
        ),
        "it has power, its SSH server gives up: try again, then restart it": N_(
            "tiene energía, su servidor SSH se rinde: intente otra vez, después reinícielo"
        ),
        "it has power: it may still be starting, or its SSH is off or at another port": N_(
            "tiene energía: quizá apenas arranca, o su SSH está apagado o en otro puerto"
        ),
        "the SSH session ended before the script did": N_("la sesión SSH terminó antes que el guion"),
        "the SSH session ended before all was taken": N_("la sesión SSH terminó antes de recibirlo todo"),
        "the SSH session broke: %(said)s": N_("la sesión SSH se rompió: %(said)s"),
        "a script did not end within %(count)s s": N_("un guion no terminó en %(count)s s"),
        "a script printed more than %(count)s octets": N_("un guion imprimió más de %(count)s octetos"),
        "it took nothing for %(count)s s": N_("no recibió nada durante %(count)s s"),
        "it took no key": N_("no recibió ninguna tecla"),
        "it showed no prompt within %(count)s s": N_("no mostró un prompt en %(count)s s"),
        "%(command)s did not end within %(count)s s": N_("%(command)s no terminó en %(count)s s"),
        "it refused %(command)s: %(said)s": N_("no aceptó %(command)s: %(said)s"),
        "it closed the terminal": N_("cerró la terminal"),
        "it opened no terminal within %(count)s s": N_("no abrió una terminal en %(count)s s"),
        "it printed more than %(count)s octets": N_("imprimió más de %(count)s octetos"),
        "it asks %(what)s": N_("pregunta %(what)s"),
        "nobody may log in from here": N_("desde aquí nadie puede entrar"),
        # logins and proofs
        "it refused our SSH login": N_("no aceptó nuestra entrada por SSH"),
        "it refused our login over HTTPS": N_("no aceptó nuestra entrada por HTTPS"),
        "check credentials %(name)s": N_("revise la credencial %(name)s"),
        "the private key cannot be read": N_("la llave privada no se puede leer"),
        "put an OpenSSH key in %(name)s": N_("ponga una llave OpenSSH en %(name)s"),
        "no SSH host key is pinned": N_("no hay una llave SSH fijada del equipo"),
        "the pinned host key cannot be read: %(said)s": N_(
            "la llave fijada del equipo no se puede leer: %(said)s"
        ),
        "run `%(command)s`": N_("ejecute `%(command)s`"),
        "it shows the SSH host key %(shown)s, pinned is %(pinned)s": N_(
            "muestra la llave SSH %(shown)s, la fijada es %(pinned)s"
        ),
        "it shows the certificate SHA256:%(shown)s, pinned is SHA256:%(pinned)s": N_(
            "muestra el certificado SHA256:%(shown)s, el fijado es SHA256:%(pinned)s"
        ),
        "somebody may stand in between": N_("quizá alguien está en medio"),
        "if it was reinstalled, `%(command)s`": N_("si se reinstaló, `%(command)s`"),
        "if it was renewed, write the new `%(command)s`": N_("si se renovó, escriba el nuevo `%(command)s`"),
        "that is the key of %(name)s: are cables or addresses swapped?": N_(
            "esa es la llave de %(name)s: ¿están cambiados cables o direcciones?"
        ),
        "its certificate cannot be verified: %(said)s": N_("su certificado no se puede comprobar: %(said)s"),
        "from a network you trust, pin what `%(command)s` prints, as `%(value)s`": N_(
            "desde una red de confianza, fije lo que imprime `%(command)s`, como `%(value)s`"
        ),
        "%(name)s is no name of a server": N_("%(name)s no es el nombre de un servidor"),
        "mend `server_name`": N_("corrija `server_name`"),
        "the file %(file)s of `%(value)s` holds no certificates we can read": N_(
            "el archivo %(file)s de `%(value)s` no tiene certificados que podamos leer"
        ),
        "write PEM certificates there": N_("ponga ahí certificados PEM"),
        "it holds characters that no HTTP header may carry": N_(
            "tiene caracteres que ningún encabezado HTTP puede llevar"
        ),
        # HTTPS
        "no HTTPS at %(where)s: %(said)s": N_("no hay HTTPS en %(where)s: %(said)s"),
        "no answer in time": N_("sin respuesta a tiempo"),
        "check power and address": N_("revise energía y dirección"),
        "it asks us to come again later (HTTP %(status)s)": N_("nos pide volver más tarde (HTTP %(status)s)"),
        "it redirects us (HTTP %(status)s), which we never follow": N_(
            "nos redirige (HTTP %(status)s), y eso nunca lo seguimos"
        ),
        "it answers with HTTP %(status)s": N_("responde con HTTP %(status)s"),
        "it answers with error %(number)s": N_("responde con error %(number)s"),
        "its answer is no JSON": N_("su respuesta no es JSON"),
        "its answer is longer than %(count)s octets": N_("su respuesta pasa de %(count)s octetos"),
        # vendors
        "the answer was cut short": N_("la respuesta llegó cortada"),
        "try again": N_("intente otra vez"),
        "the script did not run": N_("el guion no corrió"),
        "is it OpenWrt?": N_("¿es OpenWrt?"),
        "mca-status did not run": N_("mca-status no corrió"),
        "is it airOS?": N_("¿es airOS?"),
        "it told no /system resource": N_("no dijo /system resource"),
        "is it RouterOS, may we read?": N_("¿es RouterOS, y podemos leer?"),
        "it lists no devices": N_("no enumera ningún equipo"),
        "is it cnMaestro, may the client read them?": N_("¿es cnMaestro, y puede leerlos el cliente?"),
        "may the client see this site?": N_("¿puede el cliente ver este sitio?"),
        "is it UniFi Network, is the site there?": N_("¿es UniFi Network, y existe el sitio?"),
        "it wants a second factor: use a local account that only reads": N_(
            "pide un segundo factor: use una cuenta local que sólo lea"
        ),
        "cnMaestro takes a client id as user and a client secret as password": N_(
            "cnMaestro pide un client id como usuario y un client secret como contraseña"
        ),
        "Omada takes a client id as user and a client secret as password": N_(
            "Omada pide un client id como usuario y un client secret como contraseña"
        ),
        "RouterOS takes a user and a password, no token": N_(
            "RouterOS pide un usuario y una contraseña, no un token"
        ),
        "it tells no omadacId": N_("no dice su omadacId"),
        "it has no site %(name)s that we may see": N_("no tiene un sitio %(name)s que podamos ver"),
    }
)
