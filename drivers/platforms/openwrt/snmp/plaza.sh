#!/bin/sh
# What snmpd's `extend plaza` shows of an OpenWrt access point: a line per radio and per network name on the air.
# Needs only what OpenWrt 21.02 or later has: BusyBox, ubus, iwinfo. Clients are counted; their addresses stay here.
#
#   config extend                       (in /etc/config/snmpd)
#           option name 'plaza'
#           option prog '/usr/lib/plaza/plaza.sh'

LC_ALL=C
export LC_ALL

# awk: text as one word, every octet but letters, digits and -._~ as %XX
PERCENT='
function percent(text,    word, i, octet) {
	if (!("A" in code)) for (i = 1; i < 256; i++) code[sprintf("%c", i)] = sprintf("%%%02X", i)
	word = ""
	for (i = 1; i <= length(text); i++) {
		octet = substr(text, i, 1)
		word = word (octet ~ /[-A-Za-z0-9._~]/ ? octet : code[octet])
	}
	return word
}'

# One line per wireless interface from iwinfo's blocks, "-" for what it does not know:
# NAME PHY MODE CHANNEL MHZ WIDTH_MHZ NOISE_DBM POWER_DBM SSID
interfaces() {
	iwinfo 2>/dev/null | awk "$PERCENT"'
	function put() { if (name != "") print name, phy, mode, channel, mhz, width, noise, power, ssid }
	function after(label,    rest) {
		if (!match($0, label)) return "-"
		rest = substr($0, RSTART + RLENGTH)
		return match(rest, /^-?[A-Za-z0-9+.]+/) ? substr(rest, 1, RLENGTH) : "-"
	}
	function digits(text) { return text ~ /^-?[0-9]+$/ ? text : "-" }
	/^[A-Za-z0-9][-_.A-Za-z0-9]*[ \t]+ESSID: / {
		put()
		name = phy = $1
		mode = channel = mhz = width = noise = power = ssid = "-"
		if (match($0, /ESSID: ".+"/)) ssid = percent(substr($0, RSTART + 8, RLENGTH - 9))
		next
	}
	/^[ \t]+Mode: / {
		mode = after("Mode: ")
		channel = digits(after("Channel: "))
		if (match($0, /\([0-9.]+ GHz\)/)) mhz = int(substr($0, RSTART + 1, RLENGTH - 6) * 1000 + 0.5)
		width = after("HT Mode: ")
		if (width == "NOHT") width = 20
		else if (width ~ /80\+80$/) width = 160
		else { sub(/^[A-Z]+/, "", width); width = digits(width) }
	}
	/^[ \t]+Tx-Power: / { power = digits(after("Tx-Power: ")) }
	/^[ \t]+Signal: / { noise = digits(after("Noise: ")) }
	/PHY name: / { if (after("PHY name: ") != "-") phy = after("PHY name: ") }
	END { put() }'
}

# KEY: the first number with that key in the JSON on stdin, or "-"
number() {
	found=$(tr '{},' '\n\n\n' | sed -n "s/^[[:space:]]*\"$1\":[[:space:]]*\(-\{0,1\}[0-9]\{1,\}\)[[:space:]]*\$/\1/p" | head -n 1)
	echo "${found:--}"
}

# JSON: whether hostapd, where it answers at all, has the network on the air
enabled() {
	state=$(printf '%s' "$1" | tr '{},' '\n\n\n' | sed -n 's/^[[:space:]]*"status":[[:space:]]*"\([A-Z_]*\)".*/\1/p' | head -n 1)
	[ "${state:-ENABLED}" = ENABLED ]
}

# INTERFACE: how many clients, or "-"
clients() {
	if list=$(iwinfo "$1" assoclist 2>/dev/null); then
		printf '%s\n' "$list" | grep -c '^[0-9A-Fa-f][0-9A-Fa-f]:[0-9A-Fa-f][0-9A-Fa-f]:'
	else
		echo -
	fi
}

# The same lines for what is on the air, with clients, airtime and traffic in front:
# CLIENTS UTILISATION AIRTIME RX_OCTETS TX_OCTETS NAME PHY …
on_air() {
	interfaces | while read -r name phy mode channel rest; do
		[ "$mode" = Master ] && [ "$channel" != - ] || continue
		status=$(ubus call "hostapd.$name" get_status 2>/dev/null)
		enabled "$status" || continue
		counters=$(ubus call network.device status "{\"name\":\"$name\"}" 2>/dev/null)
		echo "$(clients "$name")" \
			"$(printf '%s' "$status" | number utilization)" "$(printf '%s' "$status" | number time)" \
			"$(printf '%s' "$counters" | number rx_bytes)" "$(printf '%s' "$counters" | number tx_bytes)" \
			"$name $phy $mode $channel $rest"
	done
}

report() {
	echo 'plaza version=1'
	on_air | awk '
	function pair(key, value) { return value == "-" ? "" : " " key "=" value }
	function band(mhz) { return mhz < 3000 ? "2g4" : mhz < 5935 ? "5g" : "6g" }
	$10 == "-" { next }
	{
		clients = $1; busy = $2; time = $3; phy = $7; mhz = $10
		if (!(phy in radio)) {
			order[++radios] = phy
			radio[phy] = "radio band=" band(mhz) pair("channel", $9) pair("frequency_mhz", mhz) pair("width_mhz", $11)
			# hostapd counts busy airtime in 255ths, and says 0 of 0 where the driver does not measure it
			if (busy != "-" && time + 0 > 0) radio[phy] = radio[phy] sprintf(" utilisation_pct=%.1f", busy * 100 / 255)
			radio[phy] = radio[phy] pair("noise_dbm", $12) pair("power_dbm", $13)
		}
		if (clients == "-") unknown[phy] = 1; else sum[phy] += clients
		if ($14 != "-") ssid[++names] = "ssid band=" band(mhz) " name=" $14 pair("clients", clients) pair("rx_octets", $4) pair("tx_octets", $5)
	}
	END {
		for (i = 1; i <= radios; i++) print radio[order[i]] (order[i] in unknown ? "" : " clients=" sum[order[i]])
		for (i = 1; i <= names; i++) print ssid[i]
	}'
}

report
