'''Virtual devices of vendors whose command line has a life of its own: modes, timers, errors, faults.

How to add a vendor, in one file of this folder:

    class Acme:
        """Acme AP 7: what is modelled, and where its texts come from."""

        look = Look(pager="-- more --", height=24)

        def __init__(self, box: Box | None = None) -> None:
            self.box = box or Box()
            self.running: dict[str, str] = {}
            self.box.runs(self.boot)

        def boot(self) -> None:                              # running := what the flash says
            self.running = dict(json.loads(self.box.flash.get("config", "{}")))

        def greet(self, session: Session) -> None:           # a login begins
            session.modes.append("exec")

        def prompt(self, session: Session) -> str:
            return "acme(config)# " if "config" in session.modes else "acme# "

        def execute(self, session: Session, line: str) -> str:
            if line == "exit" and session.modes.pop() == "exec":
                raise Cut
            if line == "save":
                try:
                    self.box.write("config", json.dumps(self.running))
                except DiskFull:
                    return "% no space left\\n"
            return ""                                        # what it prints, lines ended by \\n

        def press(self, session: Session, key: str, typed: str) -> str:
            return ""                                        # only for keys of `look.keys`, such as "?"

        def leave(self, session: Session) -> None:           # undo what a lost session undoes (safe mode)
            pass

A timer of the device: `alarm = self.box.after(seconds, self.revert)`, `alarm.left_s`, `alarm.cancel()`. It is
called with `box.lock` held and does not survive power; what must, lies in `box.flash`, and `boot` takes it up
again. A reboot from inside: `self.box.lose_power()`, then `raise Cut("Rebooting\\n")`.

In a test, with vendor minutes of one second:

    acme = Acme(Box(minute_s=1.0))
    with VendorServer(acme) as server:                       # at 127.0.0.1:server.port; user, password
        acme.box.faults.cut_after = 3                        # also deaf_after, slow_s, disk_full, boot_s
        acme.box.faults.unmanageable = lambda: "vlan 9" in acme.running
        acme.box.lose_power()
        server.change_host_key(2)

Tests may look at `acme.running` directly, best `with acme.box.lock`.
'''
