# Unverified on hardware. Needs RouterOS 7 with ":convert transform=sha512".
# The token is in "inner" and "outer", and is sent nowhere; what is said is signed, both ways.
:local name @NAME@
:local mac @MAC@
:local claim @CLAIM@
:local url @URL@
:local user @USER@
:local inner @INNER@
:local outer @OUTER@
:global plazaClaimTries
:if ([:typeof $plazaClaimTries] != "num") do={ :set plazaClaimTries 0 }
:set plazaClaimTries ($plazaClaimTries + 1)
:local forget do={
    /system scheduler remove [find name="plaza-claim"]
    /system script remove [find name="plaza-claim"]
    /system script environment remove [find name="plazaClaimTries"]
}
:if ($plazaClaimTries > 1440) do={
    $forget
    :error "Plaza did not answer for a day"
}
:local sign do={
    :local half [:convert ($inner . $text) transform=sha512 to=hex]
    :return [:convert ($outer . [:convert $half from=hex to=raw]) transform=sha512 to=hex]
}
:if ([:len [/interface find mac-address=$mac]] = 0) do={
    :error "this is not the device with that MAC"
}
/file remove [find name~"^plaza-host_"]
/ip ssh export-host-key key-file-prefix=plaza-host
:delay 2s
:local hostkey [/file get [:pick [find name~"^plaza-host_.*pub"] 0] contents]
/file remove [find name~"^plaza-host_"]
:local model ""
:local serial ""
:do {
    :set model [/system routerboard get model]
    :set serial [/system routerboard get serial-number]
} on-error={
    :set model [/system resource get board-name]
}
:local tail ("\nclaim=" . $claim . "\ndevice=" . $name . "\nmac=" . $mac . "\nmodel=" . $model . "\nversion=" . [/system resource get version] . "\nserial=" . $serial . "\nhostkey64=" . [:convert $hostkey to=base64])
:foreach step in={"hello";"done"} do={
    :local text ("plaza-claim-1\nstep=" . $step . $tail)
    :local signature [$sign inner=$inner outer=$outer text=("claim-question\n" . $text)]
    :local heard ([/tool fetch url=$url http-method=post http-data=($text . "\nsignature=" . $signature) check-certificate=no output=user as-value]->"data")
    :local cut [:find $heard "\nsignature="]
    :local said [:pick $heard 0 $cut]
    :local theirs [:pick $heard ($cut + 11) ($cut + 139)]
    :if ($theirs != [$sign inner=$inner outer=$outer text=("claim-answer\n" . $said)]) do={
        :error "somebody else answered"
    }
    :local key [:pick $said ([:find $said "\nkey="] + 5) [:len $said]]
    :if ([:typeof [:find $said ("step=" . $step . "\n")]] = "nil") do={
        :error "somebody else answered"
    }
    :if ($step = "hello") do={
        :if ([:len [/user find name=$user]] = 0) do={
            /user add name=$user group=full password=[:rndstr length=40]
        }
        /user ssh-keys remove [find user=$user comment="adopted by plaza"]
        /user ssh-keys add user=$user key=$key comment="adopted by plaza"
        /system identity set name=$name
    }
}
$forget
