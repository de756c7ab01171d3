"""What the phone of a citizen probe says, as it is stored, and the same for people: see `sentences`."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from controller.console.marking import N_

SENTENCES: Final[Mapping[str, str]] = MappingProxyType(
    {
        # what we could not try
        "needs root (or CAP_NET_RAW) to be a phone": N_("necesita root (o CAP_NET_RAW) para ser un teléfono"),
        "see docs/probe.md": N_("vea docs/probe.md"),
        "this process may not send frames: %(said)s": N_("este proceso no puede enviar tramas: %(said)s"),
        "the %(count)s s for the whole visit are over": N_("se acabaron los %(count)s s para toda la visita"),
        "the probe says nonsense: %(said)s": N_("la prueba dice algo que no se entiende: %(said)s"),
        "the probe itself ended early: %(said)s": N_("la prueba misma terminó antes: %(said)s"),
        "this machine has no interface %(name)s": N_("esta máquina no tiene la interfaz %(name)s"),
        "%(name)s is down: ip link set %(interface)s up": N_(
            "%(name)s está apagada: ip link set %(interface)s up"
        ),
        "%(name)s has no link: look at its cable and its switch port": N_(
            "%(name)s no tiene enlace: revise su cable y su puerto en el switch"
        ),
        "there is no lease": N_("no hay dirección prestada"),
        "there is no page": N_("no hay página"),
        "the page wants something typed, a code perhaps, and a probe has nothing to type": N_(
            "la página pide escribir algo, quizá un código, y una prueba no tiene qué escribir"
        ),
        "DHCP gives no address for it (option 114)": N_("DHCP no da su dirección (opción 114)"),
        "phones ignore %(url)s: it is not https (RFC 8908, section 4.1)": N_(
            "los teléfonos ignoran %(url)s: no es https (RFC 8908, sección 4.1)"
        ),
        # DHCP and ARP
        "no DHCP server offers an address: none is there, or its pool is used up": N_(
            "ningún servidor DHCP ofrece una dirección: no hay, o se le acabaron"
        ),
        "nothing at all can be heard there": N_("ahí no se oye absolutamente nada"),
        "%(count)s other device can be heard there": N_("ahí se oye %(count)s equipo más"),
        "%(count)s other devices can be heard there": N_("ahí se oyen %(count)s equipos más"),
        "the DHCP server %(server)s answers, but offers no address: its pool is used up": N_(
            "el servidor DHCP %(server)s responde, pero no ofrece dirección: se le acabaron"
        ),
        "the DHCP server %(server)s refuses the address that it offered: %(said)s": N_(
            "el servidor DHCP %(server)s niega la dirección que ofreció: %(said)s"
        ),
        "it does not say why": N_("no dice por qué"),
        "the DHCP server %(server)s offered an address, then fell silent": N_(
            "el servidor DHCP %(server)s ofreció una dirección y después calló"
        ),
        "%(count)s DHCP servers answer and do not agree: %(each)s": N_(
            "responden %(count)s servidores DHCP y no coinciden: %(each)s"
        ),
        "one is not the site's": N_("uno no es del sitio"),
        "the DHCP server %(server)s gives a network that is none: %(said)s": N_(
            "el servidor DHCP %(server)s da una red que no lo es: %(said)s"
        ),
        "DHCP gave no router": N_("DHCP no dio un router"),
        "DHCP gave no DNS server": N_("DHCP no dio un servidor DNS"),
        "DHCP gave no way to %(address)s: no router": N_("DHCP no dio camino a %(address)s: falta el router"),
        "nobody answers for %(address)s (ARP)": N_("nadie responde por %(address)s (ARP)"),
        "%(address)s cannot be reached (ICMP unreachable)": N_(
            "no se puede llegar a %(address)s (ICMP unreachable)"
        ),
        # DNS
        "%(host)s: nothing does DNS at %(server)s (ICMP unreachable)": N_(
            "%(host)s: en %(server)s nadie hace DNS (ICMP unreachable)"
        ),
        "nothing does DNS at %(server)s (ICMP unreachable)": N_(
            "en %(server)s nadie hace DNS (ICMP unreachable)"
        ),
        "%(host)s: is no name": N_("%(host)s: no es un nombre"),
        "is no name": N_("no es un nombre"),
        "%(host)s: the DNS server %(server)s is silent": N_("%(host)s: el servidor DNS %(server)s calla"),
        "the DNS server %(server)s is silent": N_("el servidor DNS %(server)s calla"),
        "%(host)s: the DNS server %(server)s %(said)s": N_("%(host)s: el servidor DNS %(server)s %(said)s"),
        "the DNS server %(server)s %(said)s": N_("el servidor DNS %(server)s %(said)s"),
        "knows the name and gives no IPv4 address": N_("conoce el nombre y no da una dirección IPv4"),
        "calls the question malformed": N_("dice que la pregunta está mal formada"),
        "fails (SERVFAIL)": N_("falla (SERVFAIL)"),
        "says that there is no such name (NXDOMAIN)": N_("dice que no existe ese nombre (NXDOMAIN)"),
        "does not do this": N_("no hace esto"),
        "refuses (REFUSED)": N_("se niega (REFUSED)"),
        "answers with error %(number)s": N_("responde con el error %(number)s"),
        # the way to a server
        "%(server)s does not answer": N_("%(server)s no responde"),
        "%(server)s fell silent": N_("%(server)s calló"),
        "%(server)s does not acknowledge what we send": N_("%(server)s no confirma lo que enviamos"),
        "%(server)s refuses the connection (TCP reset)": N_("%(server)s rechaza la conexión (TCP reset)"),
        "%(server)s breaks the connection off (TCP reset)": N_("%(server)s corta la conexión (TCP reset)"),
        "%(server)s ends its answer %(count)s octets too early": N_(
            "%(server)s termina su respuesta %(count)s octetos antes"
        ),
        "%(server)s answers with something that is not HTTP: %(said)s": N_(
            "%(server)s responde algo que no es HTTP: %(said)s"
        ),
        # certificates
        "%(name)s ends the connection instead of speaking TLS": N_("%(name)s cuelga en vez de hablar TLS"),
        "%(name)s speaks no TLS that we understand: %(said)s": N_(
            "%(name)s no habla un TLS que entendamos: %(said)s"
        ),
        "the certificate of %(name)s cannot be read: %(said)s": N_(
            "el certificado de %(name)s no se puede leer: %(said)s"
        ),
        "a certificate above that of %(name)s has expired: its server has to send the new ones": N_(
            "un certificado arriba del de %(name)s está vencido: su servidor tiene que enviar los nuevos"
        ),
        "the certificate of %(name)s expired on %(day)s": N_("el certificado de %(name)s venció el %(day)s"),
        "the certificate of %(name)s counts only from %(day)s: is a clock wrong?": N_(
            "el certificado de %(name)s vale apenas desde el %(day)s: ¿está mal un reloj?"
        ),
        "nobody whom phones believe vouches for the certificate of %(name)s: "
        "its own issuer, or a certificate between that its server leaves out": N_(
            "nadie en quien los teléfonos confíen responde por el certificado de %(name)s: "
            "lo firmó él mismo, o su servidor omite un certificado intermedio"
        ),
        "the certificate of %(name)s is for other names: %(names)s": N_(
            "el certificado de %(name)s es para otros nombres: %(names)s"
        ),
        "the certificate of %(name)s is no good: %(said)s": N_(
            "el certificado de %(name)s no sirve: %(said)s"
        ),
        # the redirect
        "204: the internet is open to everybody, nobody is asked to log in": N_(
            "204: Internet está abierto para todos, a nadie se le pide entrar"
        ),
        "200 with a page instead of a redirect: a phone takes it for the internet itself": N_(
            "200 con una página en vez de una redirección: un teléfono cree que es Internet"
        ),
        "%(status)s: a phone remembers this redirect for ever": N_(
            "%(status)s: un teléfono recuerda esta redirección para siempre"
        ),
        "it has to be 302": N_("tiene que ser 302"),
        "%(status)s instead of a redirect to the portal": N_(
            "%(status)s en vez de una redirección al portal"
        ),
        "%(status)s without saying where the portal is": N_("%(status)s sin decir dónde está el portal"),
        "%(count)s redirects and still no page: %(url)s": N_(
            "%(count)s redirecciones y todavía ninguna página: %(url)s"
        ),
        "%(url)s is no whole http or https address": N_("%(url)s no es una dirección http o https completa"),
        "%(url)s holds characters that no address may hold": N_(
            "%(url)s tiene caracteres que ninguna dirección puede tener"
        ),
        # the portal's page
        "%(url)s answers %(status)s": N_("%(url)s responde %(status)s"),
        "%(url)s answers %(status)s, “%(heading)s”": N_("%(url)s responde %(status)s, «%(heading)s»"),
        "%(url)s answers 200 with nothing in it": N_("%(url)s responde 200 sin nada adentro"),
        "%(url)s shows %(count)s octets without anything to tap": N_(
            "%(url)s muestra %(count)s octetos sin nada que tocar"
        ),
        "%(url)s has no button that works without a script": N_(
            "%(url)s no tiene un botón que funcione sin JavaScript"
        ),
        "%(url)s answers something else than %(type)s": N_("%(url)s responde otra cosa que %(type)s"),
        "%(url)s answers with broken JSON": N_("%(url)s responde con JSON roto"),
        "%(url)s says captive: %(value)s, and nobody has logged in": N_(
            "%(url)s dice captive: %(value)s, y nadie ha entrado"
        ),
        "%(url)s does not say where the portal is": N_("%(url)s no dice dónde está el portal"),
        # the door
        "not let in: %(status)s %(url)s": N_("no lo dejó entrar: %(status)s %(url)s"),
        "not let in: %(status)s %(url)s, “%(heading)s”": N_(
            "no lo dejó entrar: %(status)s %(url)s, «%(heading)s»"
        ),
        "after the tap nothing comes from outside: %(said)s": N_(
            "después de tocar no llega nada de afuera: %(said)s"
        ),
        "the door stays shut: %(count)s s after the tap it still leads to the portal": N_(
            "la puerta sigue cerrada: %(count)s s después de tocar todavía lleva al portal"
        ),
        "%(status)s %(url)s after the tap: something between answers in the Internet's place": N_(
            "%(status)s %(url)s después de tocar: algo en medio responde en lugar de Internet"
        ),
    }
)
