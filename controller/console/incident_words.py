"""The words of incidents in the reader's language; the same codes in English are in incidents.words."""

from collections.abc import Mapping

from flask_babel import gettext

from controller.incidents.model import SERVICE, Cause, Reach, Root
from drivers.probe.report import Step


def causes() -> Mapping[Cause, str]:
    """The classes."""
    return {
        Cause.POWER: gettext("Energía"),
        Cause.BACKHAUL: gettext("Enlace"),
        Cause.DEVICE: gettext("Equipo"),
        Cause.POLLER: gettext("Recolector"),
        Cause.UNKNOWN: gettext("Causa por averiguar"),
    }


def title(root: Root, names: Mapping[str, str]) -> str:
    """What is wrong, in one line; `names` are of sites and municipalities by key."""
    first, _, provider = root.key.partition("/")
    name = names.get(first, first)
    said: Mapping[Reach, str] = {
        Reach.SERVICE: gettext("%(name)s: un teléfono no logra entrar"),
        Reach.DEVICE: gettext("%(name)s no responde"),
        Reach.SUPPLY: gettext("Lo que alimenta %(name)s no responde"),
        Reach.SITE: gettext("%(name)s: ningún equipo responde"),
        Reach.PORTAL: gettext("El portal falla en todos los sitios"),
        Reach.UPLINK: gettext("%(name)s: ningún sitio con enlace de %(provider)s responde"),
        Reach.MUNICIPALITY: gettext("%(name)s: ningún sitio responde"),
        Reach.PROVIDER: gettext("Los enlaces de %(name)s no responden en varios municipios"),
        Reach.POLLER: gettext("El recolector %(name)s no trae nada"),
    }
    return said[root.reach] % {"name": name, "provider": provider}


def evidence() -> Mapping[str, str]:
    """What each piece of evidence says, by its code."""
    return _power() | _line() | _device() | _poller() | _missing()


def step_name(step: str) -> str:
    """A step of a phone on its way online, as controller.probing stores it."""
    names: Mapping[str, str] = {
        Step.DHCP: gettext("la dirección (DHCP)"),
        Step.ROUTER: gettext("el router (ARP)"),
        Step.DNS: gettext("los nombres (DNS)"),
        Step.REDIRECT: gettext("la redirección al portal"),
        Step.PORTAL: gettext("la página del portal"),
        Step.API: gettext("la API del portal"),
        Step.GRANT: gettext("el permiso"),
        Step.HTTP: gettext("la salida a Internet"),
    }
    return names.get(step, step)


def member(key: str) -> str:
    """Who is in an incident: a device by its name, else what it is."""
    kind, _, name = key.rpartition(":")
    if not kind:
        return key
    said = gettext("servicio de %(name)s") if key.startswith(SERVICE) else gettext("recolector %(name)s")
    return str(said % {"name": name})


def advice() -> Mapping[str, str]:
    """What to do next, by its code."""
    return {
        "look-at-access": gettext("Vea por qué no nos responde: plaza snmp why %(device)s"),
        "look-at-portal": gettext("Revise el portal mismo y su certificado: plaza doctor"),
        "ask-for-power": gettext(
            "Pregunte en el sitio, o a la compañía de luz, si hay energía; puede volver sola"
        ),
        "look-at-feed": gettext(
            "Revise lo que alimenta a los equipos allí: inyector PoE, switch, cable; el sitio tiene energía"
        ),
        "call-provider": gettext("Llame al proveedor del enlace con el contrato y la hora en que se cayó"),
        "look-at-line": gettext("Revise el radioenlace, el módem o el gateway que lleva la línea"),
        "be-a-phone": gettext("Haga de teléfono allí: plaza probe %(site)s"),
        "go-there": gettext("Vaya al lugar: tiene energía y línea, y no responde"),
        "find-out": gettext(
            "Pregunte por qué no responde: plaza snmp why %(device)s; averigüe lo que falta arriba; "
            "después vaya o llame"
        ),
        "look-at-poller": gettext(
            "Revise la máquina de %(poller)s: si tiene energía y línea, y si plaza corre en ella"
        ),
        "read-its-log": gettext("Lea el registro de %(poller)s, y el de plaza edge por lo que no le acepta"),
        "wait": gettext("Nada: todo responde de nuevo, y se cierra sola si así sigue"),
    }


def length(seconds: int) -> str:
    """How long, in one coarse unit."""
    if seconds < 7200:
        return str(gettext("%(n)s min", n=seconds // 60))
    if seconds < 172_800:
        return str(gettext("%(n)s h", n=seconds // 3600))
    return str(gettext("%(n)s días", n=seconds // 86_400))


def _power() -> dict[str, str]:
    return {
        "ups-low": gettext(
            "%(ups)s, que lo alimenta, estaba en batería y casi vacía antes (quedaban %(left)s s)"
        ),
        "ups-battery": gettext("%(ups)s, que lo alimenta, estaba en batería antes"),
        "ups-mains": gettext("%(ups)s, que lo alimenta, tenía corriente de la red"),
        "ups-dark": gettext("%(ups)s no responde, ni lo que alimenta; equipos: %(count)s"),
        "poe-fault": gettext("el puerto %(port)s de %(switch)s, que lo alimenta, reporta una falla"),
        "poe-off": gettext("el puerto %(port)s de %(switch)s no le da energía"),
        "poe-on": gettext("el puerto %(port)s de %(switch)s lo alimenta"),
        "fed-at-once": gettext("todo lo que alimenta %(source)s se cayó a la vez; equipos: %(count)s"),
        "at-once": gettext("todo se cayó a la vez; equipos: %(count)s"),
    }


def _line() -> dict[str, str]:
    return {
        "site-dark": gettext("ningún equipo de %(site)s responde; caídos: %(count)s"),
        "modem-offline": gettext("el módem de %(site)s dice que no lleva datos"),
        "modem-online": gettext("el módem de %(site)s dice que lleva datos"),
        "sites-together": gettext("sitios que se cayeron al mismo tiempo: %(count)s; comparten %(shared)s"),
        "gateway-silent": gettext("tampoco se sabe nada del gateway de %(site)s desde entonces"),
        "gateway-calls": gettext(
            "el gateway de %(site)s nos sigue llamando: su línea está bien y él tiene energía"
        ),
        "line-device": gettext("%(device)s lleva la línea de otros, que se cayeron con él: %(count)s"),
        "line-alone": gettext("%(device)s lleva una línea, y no responde"),
        "behind-silent": gettext(
            "se cayeron todos los equipos detrás de %(device)s: %(count)s; a él nadie puede preguntarle"
        ),
        "portal-shared": gettext(
            "sitios que no atienden a nadie desde la misma hora, aunque sus equipos responden: %(count)s"
        ),
    }


def _device() -> dict[str, str]:
    return {
        "said": gettext("lo último que se supo de %(device)s: %(said)s"),
        "refused": gettext("%(device)s está ahí y responde, pero no a lo que se le pregunta: %(said)s"),
        "served": gettext("un teléfono entra en %(site)s de todos modos: sólo sus equipos no nos responden"),
        "parent-answers": gettext("%(parent)s, del que depende, responde"),
        "siblings-answer": gettext("equipos junto a él que responden: %(count)s"),
        "devices-answer": gettext("equipos del sitio que responden: %(count)s"),
        "restarted": gettext("%(device)s había reiniciado cuando volvió"),
        "kept-running": gettext(
            "%(device)s siguió encendido todo el tiempo: lo que falló fue el camino hasta él"
        ),
        "ran-on": gettext("%(device)s siguió encendido todo el tiempo: tenía energía"),
        "probe": gettext("un teléfono se atora en %(step)s: %(said)s"),
    }


def _poller() -> dict[str, str]:
    return {
        "poller-silent": gettext("el recolector %(poller)s no ha traído nada desde %(at)s"),
        "poller-runs": gettext(
            "%(poller)s sigue pidiendo su turno: su máquina funciona y llega hasta nosotros"
        ),
        "poller-away": gettext("%(poller)s tampoco pide su turno"),
        "poller-devices": gettext(
            "equipos que sólo él consulta, sin datos hasta que vuelva a traer algo: %(count)s"
        ),
    }


def _missing() -> dict[str, str]:
    return {
        "samples-unreadable": gettext("no se pudieron leer las muestras: %(said)s"),
        "missing-power": gettext(
            "falta saber: qué lo alimenta (`powered_by` en el inventario), o qué dice eso"
        ),
        "missing-neighbour": gettext("falta saber: algo en su camino o a su lado que responda o esté caído"),
        "missing-line": gettext(
            "falta: un gateway que nos llame, o un módem, para distinguir línea y energía"
        ),
        "missing-step": gettext("falta saber: en qué paso se atora un teléfono"),
    }
