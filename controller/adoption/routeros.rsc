# Unverified on hardware. Needs RouterOS 7 with ":convert transform=sha512".
# The token is in innerPad and outerPad, and is sent nowhere; what is said is signed, both ways. A variable must
# not be called like any property: in "find user=$user" it would mean the item's own.
:local ourName @NAME@
:local ourMac @MAC@
:local ourClaim @CLAIM@
:local edgeUrl @URL@
:local ourUser @USER@
:local innerPad @INNER@
:local outerPad @OUTER@
:global plazaClaimTries
:if ([:typeof $plazaClaimTries] != "num") do={ :set plazaClaimTries 0 }
:set plazaClaimTries ($plazaClaimTries + 1)
:local forgetAll do={
    /system scheduler remove [find name="plaza-claim"]
    /system script remove [find name="plaza-claim"]
    /system script environment remove [find name="plazaClaimTries"]
}
:if ($plazaClaimTries > 1440) do={
    $forgetAll
    :error "Plaza did not answer for a day"
}
:local signWords do={
    :local halfHash [:convert ($innerPad . $ourWords) transform=sha512 to=hex]
    :return [:convert ($outerPad . [:convert $halfHash from=hex to=raw]) transform=sha512 to=hex]
}
:if ([:len [/interface find mac-address=$ourMac]] = 0) do={
    :error "this is not the device with that MAC"
}
/file remove [find name~"^plaza-host_"]
/ip ssh export-host-key key-file-prefix=plaza-host
:delay 2s
:local hostKey [/file get [:pick [find name~"^plaza-host_.*pub"] 0] contents]
/file remove [find name~"^plaza-host_"]
:local itsModel ""
:local itsSerial ""
:do {
    :set itsModel [/system routerboard get model]
    :set itsSerial [/system routerboard get serial-number]
} on-error={
    :set itsModel [/system resource get board-name]
}
:local tailLines ("\nclaim=" . $ourClaim . "\ndevice=" . $ourName . "\nmac=" . $ourMac . "\nmodel=" . $itsModel . "\nversion=" . [/system resource get version] . "\nserial=" . $itsSerial . "\nhostkey64=" . [:convert $hostKey to=base64])
:foreach thisStep in={"hello";"done"} do={
    :local ourWords ("plaza-claim-1\nstep=" . $thisStep . $tailLines)
    :local ourSign [$signWords innerPad=$innerPad outerPad=$outerPad ourWords=("claim-question\n" . $ourWords)]
    :local heardAll ([/tool fetch url=$edgeUrl http-method=post http-data=($ourWords . "\nsignature=" . $ourSign) check-certificate=no output=user as-value]->"data")
    :local cutAt [:find $heardAll "\nsignature="]
    :local saidWords [:pick $heardAll 0 $cutAt]
    :local theirSign [:pick $heardAll ($cutAt + 11) ($cutAt + 139)]
    :if ($theirSign != [$signWords innerPad=$innerPad outerPad=$outerPad ourWords=("claim-answer\n" . $saidWords)]) do={
        :error "somebody else answered"
    }
    :local ourKey [:pick $saidWords ([:find $saidWords "\nkey="] + 5) [:len $saidWords]]
    :if ([:typeof [:find $saidWords ("step=" . $thisStep . "\n")]] = "nil") do={
        :error "somebody else answered"
    }
    :if ($thisStep = "hello") do={
        :if ([:len [/user find name=$ourUser]] = 0) do={
            /user add name=$ourUser group=full password=[:rndstr length=40]
        }
        /user ssh-keys remove [find user=$ourUser comment="adopted by plaza"]
        /user ssh-keys add user=$ourUser key=$ourKey comment="adopted by plaza"
        /system identity set name=$ourName
    }
}
$forgetAll
