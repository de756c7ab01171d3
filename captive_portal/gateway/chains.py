"""What becomes of a packet, chain by chain: the rules with gaps for what differs from site to site.

`stamp`, `prerouting`, `input` and `forward` are where the kernel asks; the others are jumped to. Chains are
written anew with each start, sets and maps are kept. `{no_ipv6}`, `{filtered}` and `{all}` ask a set that has
one element or not: they compute its key, whatever the packet is.
"""

from typing import Final

BASE: Final = ("stamp", "prerouting", "input", "forward")
CHAINS: Final = (
    *BASE, "names", "answered", "visit", "ask", "call", "leave", "arrive", "stroll",
    "strolled", "guest", "sent", "received",
    "refuse",
)  # fmt: skip

RULESET: Final = """\
table inet plaza {{
  map door {{ type ether_addr . ipv4_addr : mark; flags timeout; size 65535; }}
  map door6 {{ type ether_addr : mark; flags timeout; size 65535; }}
  set open {{ type mark; flags timeout; size 65535; }}
  set up {{ type mark; flags timeout; counter; size 65535; }}
  set down {{ type mark; flags timeout; counter; size 65535; }}
  map purse {{ type mark : quota; size 65535; }}
  set slow_up {{ type mark; flags timeout; limit rate over 1 bytes/second; size 65535; }}
  set slow_down {{ type mark; flags timeout; limit rate over 1 bytes/second; size 65535; }}
  set spent {{ type ipv6_addr; flags timeout; size 65535; }}
  set since {{ type mark; }}
  set regime {{ type mark; }}
  set everybody {{ type mark; flags timeout; }}
  set informed {{ type ether_addr; flags timeout; timeout 24h; size 65535; }}
  set named {{ type ipv4_addr; flags timeout; timeout 6h; size 4096; }}
  set named6 {{ type ipv6_addr; flags timeout; timeout 6h; size 4096; }}
  set busy {{ type ether_addr; flags dynamic; size 65535; }}
  set asking {{ type ether_addr; flags dynamic,timeout; timeout 1m; size 65535; }}
  set calling {{ type ether_addr; flags dynamic,timeout; timeout 1m; size 65535; }}
  set strolling {{ type mark; flags dynamic,timeout; timeout 1m; size 65535; }}
  set leasing {{ type ether_addr; flags dynamic,timeout; timeout 1m; size 65535; }}
  set garden {{ type ipv4_addr . inet_service; }}
  set forbidden {{ type ipv4_addr; flags interval; auto-merge; }}
  set forbidden6 {{ type ipv6_addr; flags interval; auto-merge; }}
  chain stamp {{ type filter hook prerouting priority mangle; policy accept; }}
  chain prerouting {{ type nat hook prerouting priority dstnat; policy accept; }}
  chain input {{ type filter hook input priority filter; policy accept; }}
  chain forward {{ type filter hook forward priority filter; policy accept; }}
{jumped}
}}
{flushed}
flush set inet plaza garden
flush set inet plaza forbidden
flush set inet plaza forbidden6
table inet plaza {{
  set garden {{ type ipv4_addr . inet_service; {garden} }}
  set forbidden {{ type ipv4_addr; flags interval; auto-merge; {forbidden} }}
  set forbidden6 {{ type ipv6_addr; flags interval; auto-merge; {forbidden6} }}
  chain stamp {{
    iifname != "{lan}" return
    # an address that is not of the guests' side; who has none yet asks for one
    ip saddr != 0.0.0.0 fib saddr . iif oif missing drop
    ip6 saddr != :: fib saddr . iif oif missing drop
    meta mark set {stamp}
  }}
  chain prerouting {{
    iifname != "{lan}" return
    udp dport 53 jump names
    tcp dport 53 jump names
    # to ourselves: the page about a name that is filtered
    ip daddr {ip} tcp dport 80 dnat ip to {ip}:{port}
    {all} ether saddr != @informed tcp dport 80 dnat ip to {ip}:{port}
    {all} return
    ct mark set ether saddr . ip saddr map @door return
    ip daddr . tcp dport @garden return
    ip daddr @named ip daddr != @forbidden tcp dport 80 return
    tcp dport 80 dnat ip to {ip}:{port}
  }}
  chain names {{
    ct mark set ether saddr . ip saddr map @door goto answered
    meta nfproto ipv6 ct mark set ether saddr map @door6 goto answered
    {all} goto answered
    udp dport 53 redirect to :{outside}
    tcp dport 53 redirect to :{outside}
  }}
  chain answered {{
    udp dport 53 redirect to :53
    tcp dport 53 redirect to :53
  }}
  chain input {{
    iifname "{lan}" jump visit
    iifname != {{ "{lan}", "lo" }} ip daddr {ip} tcp dport {{ {ports} }} drop
    iifname "{wan}" udp dport {{ 53, 67, 5301 }} drop
    iifname "{wan}" tcp dport {{ 53, 5301 }} drop
  }}
  chain visit {{
    icmpv6 type {{ nd-neighbor-solicit, nd-neighbor-advert }} accept
    meta nfproto ipv6 {no_ipv6} jump refuse
    icmpv6 type nd-router-solicit accept
    # before what is established: an answer to who was in is none to who is out
    udp dport {{ 53, 5301 }} jump ask
    tcp dport {{ 53, 5301 }} jump ask
    udp dport 67 update @leasing {{ ether saddr limit rate over 5/second burst 10 packets }} drop
    udp dport 67 limit rate over 200/second burst 400 packets drop
    ct state established,related accept
    meta nfproto ipv4 udp dport 67 accept
    ip daddr {ip} tcp dport {{ {ports} }} jump call
    icmp type echo-request limit rate 20/second accept
    jump refuse
  }}
  chain ask {{
    ct mark set ether saddr . ip saddr map @door accept
    meta nfproto ipv6 ct mark set ether saddr map @door6 accept
    {all} accept
    update @asking {{ ether saddr limit rate over 20/second burst 200 packets }} drop
    udp dport {outside} accept
    tcp dport {outside} accept
    jump refuse
  }}
  chain call {{
    ct state new update @calling {{ ether saddr limit rate over 20/second burst 200 packets }} jump refuse
    accept
  }}
  chain forward {{
    iifname "{lan}" jump leave
    oifname "{lan}" jump arrive
  }}
  chain leave {{
    meta nfproto ipv6 {no_ipv6} jump refuse
    tcp dport 25 jump refuse
    ip daddr . tcp dport @garden jump call
    ip daddr @forbidden jump refuse
    ip6 daddr @forbidden6 jump refuse
    # to the Internet alone: not to another guest, not into a tunnel
    oifname != "{wan}" jump refuse
    # the notice of the emergency is shown over IPv4
    {all} meta nfproto ipv6 ether saddr != @informed tcp dport 80 jump refuse
    ct mark set ether saddr . ip saddr map @door jump sent
    meta nfproto ipv6 ct mark set ether saddr map @door6 jump sent
    {all} jump guest
    ip daddr @named tcp dport {{ 80, 443 }} jump stroll
    ip6 daddr @named6 tcp dport {{ 80, 443 }} jump stroll
    jump refuse
  }}
  chain arrive {{
    meta nfproto ipv6 {no_ipv6} drop
    ct state related icmp type {{ destination-unreachable, time-exceeded }} accept
    ct state established,related ip saddr . tcp sport @garden accept
    iifname != "{wan}" drop
    ct state established,related ct mark @open jump received
    ct state established,related {all} ct mark {emergency} accept
    ct state established,related ct mark {strollers} jump strolled
    drop
  }}
  chain stroll {{
    # who is there by name alone has a mark of its MAC, by which what comes back is held to a walk
    ct mark set jhash ether saddr mod {strolls} offset {strolls}
    jump call
  }}
  chain strolled {{
    update @strolling {{ ct mark limit rate over 256 kbytes/second burst 1 mbytes }} drop
    accept
  }}
  chain guest {{
    ct state new add @busy {{ ether saddr ct count over 1000 }} jump refuse
    ct mark set {emergency}
    accept
  }}
  chain sent {{
    ct state new add @busy {{ ether saddr ct count over 1000 }} jump refuse
    {all} ct mark @up accept
    {filtered} udp dport 853 jump refuse
    {filtered} tcp dport 853 jump refuse
    ct mark @slow_up drop
    quota name ct mark map @purse jump refuse
    ct mark @up
    accept
  }}
  chain received {{
    {all} ct mark @down accept
    ct mark @slow_down drop
    quota name ct mark map @purse drop
    ct mark @down
    accept
  }}
  chain refuse {{
    meta l4proto tcp reject with tcp reset
    reject with icmpx admin-prohibited
  }}
}}
"""
