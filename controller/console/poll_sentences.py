"""What polls over SNMP and verdicts say, as it is stored, and the same for people: see `sentences`."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from controller.console.marking import N_

SENTENCES: Final[Mapping[str, str]] = MappingProxyType(
    {
        # verdicts
        "not polled: the device is expected": N_("no se consulta: el equipo está por instalar"),
        "not polled: the device is staging": N_("no se consulta: el equipo está en preparación"),
        "not polled: the device is retired": N_("no se consulta: el equipo está dado de baja"),
        "not polled: the device is %(state)s": N_("no se consulta: el estado del equipo es %(state)s"),
        "not polled from here: reached by %(kind)s": N_("no se consulta desde aquí: se llega por %(kind)s"),
        "not polled: it has no `snmp: {credentials: …}`": N_(
            "no se consulta: le falta `snmp: {credentials: …}`"
        ),
        "not polled yet": N_("todavía no se consulta"),
        "answers in part: %(said)s": N_("responde en parte: %(said)s"),
        "its answer cannot be stored: %(said)s": N_("su respuesta no se puede guardar: %(said)s"),
        "credential %(name)s: %(said)s": N_("credencial %(name)s: %(said)s"),
        # what is down by intention
        "its site's maintenance window is open": N_("su sitio está en horario de mantenimiento"),
        "the site is closed at this hour": N_("el sitio está cerrado a esta hora"),
        "it is being changed by us": N_("lo estamos cambiando nosotros"),
        "announced by %(author)s: %(why)s": N_("anunciada por %(author)s: %(why)s"),
        # the service of an access point
        "the poll broke off before it was measured": N_("la consulta se cortó antes de medirlo"),
        "the device has no snmpd extend named %(name)s": N_(
            "el equipo no tiene un extend de snmpd llamado %(name)s"
        ),
        "no network name is on the air": N_("ningún nombre de red está al aire"),
        "nobody measures it on platform %(name)s": N_("en la plataforma %(name)s nadie lo mide"),
        "the device lists no network name": N_("el equipo no enumera ningún nombre de red"),
        # silence
        "no answer from %(where)s in %(count)s tries": N_("sin respuesta de %(where)s en %(count)s intentos"),
        "is it on?": N_("¿está encendido?"),
        "is it on, and is the community right?": N_("¿está encendido, y es correcta la comunidad?"),
        "the poll was abandoned": N_("la consulta se abandonó"),
        "the poller was closed": N_("el recolector se cerró"),
        "nobody says which address %(host)s has": N_("nadie dice qué dirección tiene %(host)s"),
        "the name %(host)s has no address: %(said)s": N_("el nombre %(host)s no tiene dirección: %(said)s"),
        "our own network queue was full all the time": N_("nuestra propia cola de red estuvo siempre llena"),
        "is this machine's link too slow?": N_("¿es muy lento el enlace de esta máquina?"),
        "%(where)s refuses: the device is on, but nothing listens there": N_(
            "%(where)s rechaza: el equipo está encendido, pero ahí nada escucha"
        ),
        "is its snmpd running?": N_("¿corre su snmpd?"),
        "the network cannot reach %(where)s: %(said)s": N_("la red no puede llegar a %(where)s: %(said)s"),
        "%(where)s stopped answering half-way": N_("%(where)s dejó de responder a la mitad"),
        # answers that are not believed
        "%(where)s answers, but its answer %(said)s": N_("%(where)s responde, pero su respuesta %(said)s"),
        "is no response": N_("no es una respuesta"),
        "belongs to another request": N_("es de otra pregunta"),
        "speaks another version of SNMP": N_("habla otra versión de SNMP"),
        "bears another community": N_("trae otra comunidad"),
        "cannot be read": N_("no se puede leer"),
        "comes from another engine or user": N_("viene de otro motor o usuario"),
        "comes from %(host)s port %(port)s": N_("viene de %(host)s puerto %(port)s"),
        "bears a wrong digest": N_("trae una firma incorrecta"),
        "cannot be decrypted": N_("no se puede descifrar"),
        "is older than what the agent said before": N_("es más vieja que lo que el agente dijo antes"),
        "names no engine": N_("no nombra ningún motor"),
        "is a report nobody signed": N_("es un aviso que nadie firmó"),
        "is a report about something else": N_("es un aviso sobre otra cosa"),
        "changes its engine again and again": N_("cambia de motor una y otra vez"),
        "tells us again and again to ask otherwise": N_("nos pide una y otra vez preguntar de otro modo"),
        "is less secure than what was asked": N_("es menos segura que lo que se preguntó"),
        "is encrypted where nothing was agreed": N_("viene cifrada sin que se acordara nada"),
        # refusals of SNMPv3 (RFC 3414)
        "the agent does not offer this user the security level we ask for": N_(
            "el agente no ofrece a este usuario el nivel de seguridad que pedimos"
        ),
        "is privacy set up for it? (user %(user)s)": N_(
            "¿tiene configurada la privacidad? (usuario %(user)s)"
        ),
        "the agent does not know the user (user %(user)s)": N_(
            "el agente no conoce al usuario (usuario %(user)s)"
        ),
        "the agent says the authentication key or protocol is wrong (user %(user)s)": N_(
            "el agente dice que la clave o el protocolo de autenticación no es correcto (usuario %(user)s)"
        ),
        "the agent says the privacy key or protocol is wrong (user %(user)s)": N_(
            "el agente dice que la clave o el protocolo de privacidad no es correcto (usuario %(user)s)"
        ),
        "the agent has no context %(name)s": N_("el agente no tiene el contexto %(name)s"),
        "privacy needs authentication (RFC 3414)": N_("la privacidad requiere autenticación (RFC 3414)"),
        "no %(what)s protocol is called %(name)s": N_("ningún protocolo de %(what)s se llama %(name)s"),
        "the %(what)s key has fewer than 8 octets (RFC 3414 §11.2)": N_(
            "la clave de %(what)s tiene menos de 8 octetos (RFC 3414 §11.2)"
        ),
        # answers that are not whole
        "the agent answers for other objects than asked": N_(
            "el agente responde por otros objetos que los preguntados"
        ),
        "error-status %(number)s at %(oid)s": N_("error-status %(number)s en %(oid)s"),
        "an answer with nothing in it at %(oid)s": N_("una respuesta sin nada en %(oid)s"),
        "object names do not increase at %(oid)s": N_("los nombres de los objetos no avanzan en %(oid)s"),
        "more than %(count)s rows at %(oid)s": N_("más de %(count)s renglones en %(oid)s"),
        # what the operating system says
        "Network is unreachable": N_("la red es inalcanzable"),
        "Network is down": N_("la red está caída"),
        "No route to host": N_("no hay ruta hasta ahí"),
        "Host is down": N_("la máquina está caída"),
        "Connection refused": N_("conexión rechazada"),
        "Connection reset by peer": N_("el otro lado cortó la conexión"),
        "Connection timed out": N_("la conexión tardó demasiado"),
        "timed out": N_("tardó demasiado"),
        "Broken pipe": N_("la conexión se rompió"),
        "Operation not permitted": N_("operación no permitida"),
        "Permission denied": N_("permiso denegado"),
        "No such device": N_("no existe esa interfaz"),
        "No buffer space available": N_("no hay espacio para más paquetes"),
        "Name or service not known": N_("nombre desconocido"),
        "No address associated with hostname": N_("el nombre no tiene dirección"),
        "Temporary failure in name resolution": N_("por ahora nadie resuelve nombres"),
    }
)
