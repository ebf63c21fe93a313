import NetworkFormat

/// The tables every network of this host shares: `inet bulkhead` decides who may talk to whom and translates addresses,
/// `bridge bulkhead` sees to it that a container sends as itself only. What belongs to one container or network is an
/// element of a set, so adding one is one transaction and no rule is ever written for it.
///
/// The text is nft(8)'s: the JSON of libnftables before 1.1 cannot declare maps to an address and a port.
/// Docs/Reference/Networking.md explains the rules.
enum FilterRules {
    static let table = "bulkhead"
    /// Names of our ends of the containers' links begin so. The bridge table drops what comes from one of them unless
    /// an element says that it may.
    static let linkPrefix = "bhv"

    /// Flushes and writes all rules anew; elements of sets stay. Idempotent, and the way to newer rules.
    static func skeleton(routes4: Bool, routes6: Bool) -> String {
        declarations + chains.map { "flush chain \($0)\n" }.joined() + translation
            + routing((routes4 ? [] : ["ipv4"]) + (routes6 ? [] : ["ipv6"])) + spoofing
    }

    private static let chains =
        [
            "guard", "dnat_in", "dnat_out", "publish", "translate", "routed", "from_container", "to_container",
            "input_host", "to_host", "metadata", "refuse",
        ].map { "inet \(table) \($0)" }
        + ["arriving", "port"].map { "bridge \(table) \($0)" }

    private static let declarations = """
        table inet bulkhead {
          set bridges { type ifname; }
          set same_bridge { type ifname . ifname; }
          set pools4 { type ipv4_addr; flags interval; }
          set pools6 { type ipv6_addr; flags interval; }
          set metadata4 { type ipv4_addr; flags interval; }
          set metadata6 { type ipv6_addr; flags interval; }
          set self4 { type ipv4_addr . ipv4_addr; }
          set self6 { type ipv6_addr . ipv6_addr; }
          set open4 { type ipv4_addr; }
          set open6 { type ipv6_addr; }
          set pairs4 { type ipv4_addr . ipv4_addr; }
          set pairs6 { type ipv6_addr . ipv6_addr; }
          set to_host4 { type ipv4_addr; }
          set to_host6 { type ipv6_addr; }
          set to_metadata4 { type ipv4_addr; }
          set to_metadata6 { type ipv6_addr; }
          map publish4 { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; }
          map publish6 { type ipv6_addr . inet_proto . inet_service : ipv6_addr . inet_service; }
          map publish4_any { type inet_proto . inet_service : ipv4_addr . inet_service; }
          map publish6_any { type inet_proto . inet_service : ipv6_addr . inet_service; }
          chain guard { type filter hook prerouting priority raw; policy accept; }
          chain dnat_in { type nat hook prerouting priority dstnat; policy accept; }
          chain dnat_out { type nat hook output priority -100; policy accept; }
          chain translate { type nat hook postrouting priority srcnat; policy accept; }
          chain routed { type filter hook forward priority filter; policy accept; }
          chain input_host { type filter hook input priority filter; policy accept; }
          chain publish { }
          chain from_container { }
          chain to_container { }
          chain to_host { }
          chain metadata { }
          chain refuse { }
        }
        table bridge bulkhead {
          set leased4 { type ifname . ether_addr . ipv4_addr; }
          set leased6 { type ifname . ether_addr . ipv6_addr; }
          map sending { type ifname : limit; }
          chain arriving { type filter hook prerouting priority -300; policy accept; }
          chain port { }
        }
        add element inet bulkhead metadata4 { \(MetadataAddresses.version4.joined(separator: ", ")) }
        add element inet bulkhead metadata6 { \(MetadataAddresses.version6.joined(separator: ", ")) }

        """

    /// A published port at 127.0.0.1 is for the host's own programs: their packets come from the output hook, and are
    /// given the bridge's address, for the container cannot answer to 127.0.0.1. Nothing from outside may have a
    /// loopback address, whatever route_localnet says (CVE-2020-8558). Version 6 has no such setting: nothing leads
    /// from ::1 to a container.
    ///
    /// Packets of containers come from the bridge. One that comes from a port was led past it, by an address that
    /// bridges do not pass on.
    private static let translation = """
        add rule inet bulkhead guard iifname "\(linkPrefix)*" drop
        add rule inet bulkhead guard iifname != "lo" ip daddr 127.0.0.0/8 drop
        add rule inet bulkhead guard iifname != "lo" ip saddr 127.0.0.0/8 drop
        add rule inet bulkhead dnat_in ip daddr != 127.0.0.0/8 fib daddr type local jump publish
        add rule inet bulkhead dnat_in ip6 daddr != ::1 fib daddr type local jump publish
        add rule inet bulkhead dnat_out meta nfproto ipv4 fib daddr type local jump publish
        add rule inet bulkhead dnat_out ip6 daddr != ::1 fib daddr type local jump publish
        add rule inet bulkhead publish dnat ip to ip daddr . meta l4proto . th dport map @publish4
        add rule inet bulkhead publish dnat ip6 to ip6 daddr . meta l4proto . th dport map @publish6
        add rule inet bulkhead publish meta nfproto ipv4 dnat ip to meta l4proto . th dport map @publish4_any
        add rule inet bulkhead publish meta nfproto ipv6 dnat ip6 to meta l4proto . th dport map @publish6_any
        add rule inet bulkhead translate ip saddr . ip daddr @self4 masquerade
        add rule inet bulkhead translate ip6 saddr . ip6 daddr @self6 masquerade
        add rule inet bulkhead translate oifname @bridges ip saddr 127.0.0.0/8 masquerade
        add rule inet bulkhead translate ip saddr @pools4 oifname != @bridges masquerade
        add rule inet bulkhead translate ip6 saddr @pools6 oifname != @bridges masquerade

        """

    /// A host that was no router of a version before it had containers routes that version for them only. What answers
    /// with a machine's credentials goes by the address the container asked for, for hosts translate it to agents.
    /// Azure's is its name server as well.
    private static func routing(_ closed: [String]) -> String {
        let closing = closed.map { "add rule inet bulkhead routed meta nfproto \($0) drop" }.joined(separator: "\n")
        return """
        add rule inet bulkhead routed iifname @bridges goto from_container
        add rule inet bulkhead routed oifname @bridges goto to_container
        \(closing)
        add rule inet bulkhead from_container ct state established,related accept
        add rule inet bulkhead from_container ct state invalid drop
        add rule inet bulkhead from_container ip saddr != @pools4 drop
        add rule inet bulkhead from_container ip6 saddr != @pools6 drop
        add rule inet bulkhead from_container oifname @bridges goto to_container
        add rule inet bulkhead from_container jump metadata
        add rule inet bulkhead from_container accept
        add rule inet bulkhead to_container ct state established,related accept
        add rule inet bulkhead to_container ct state invalid drop
        add rule inet bulkhead to_container ct status dnat accept
        add rule inet bulkhead to_container iifname . oifname @same_bridge ip daddr @open4 accept
        add rule inet bulkhead to_container iifname . oifname @same_bridge ip6 daddr @open6 accept
        add rule inet bulkhead to_container ip saddr . ip daddr @pairs4 accept
        add rule inet bulkhead to_container ip6 saddr . ip6 daddr @pairs6 accept
        add rule inet bulkhead to_container goto refuse
        add rule inet bulkhead input_host iifname @bridges goto to_host
        add rule inet bulkhead to_host ct state established,related accept
        add rule inet bulkhead to_host ct state invalid drop
        add rule inet bulkhead to_host icmpv6 type nd-neighbor-solicit accept
        add rule inet bulkhead to_host jump metadata
        add rule inet bulkhead to_host ip saddr @to_host4 accept
        add rule inet bulkhead to_host ip6 saddr @to_host6 accept
        add rule inet bulkhead to_host goto refuse
        add rule inet bulkhead metadata ct original ip daddr @metadata4 ip saddr != @to_metadata4 goto refuse
        add rule inet bulkhead metadata ct original ip6 daddr @metadata6 ip6 saddr != @to_metadata6 goto refuse
        add rule inet bulkhead metadata ct original ip daddr 168.63.129.16 th dport != 53 \
        ip saddr != @to_metadata4 goto refuse
        add rule inet bulkhead refuse meta l4proto tcp reject with tcp reset
        add rule inet bulkhead refuse reject with icmpx admin-prohibited

        """
    }

    /// A sender is an interface, a hardware address and an address together. What is not IP or ARP is dropped, and of
    /// ICMPv6 what only routers say. Nobody is asked who has an address, for the host knows: what a container says of
    /// it is dropped too.
    private static let spoofing = """
        add rule bridge bulkhead arriving iifname "\(linkPrefix)*" goto port
        add rule bridge bulkhead port limit name iifname map @sending drop
        add rule bridge bulkhead port ether type ip iifname . ether saddr . ip saddr @leased4 accept
        add rule bridge bulkhead port icmpv6 type { nd-router-advert, nd-redirect, nd-neighbor-advert } drop
        add rule bridge bulkhead port ether type ip6 iifname . ether saddr . ip6 saddr @leased6 accept
        add rule bridge bulkhead port iifname . ether saddr . arp saddr ip @leased4 \
        iifname . arp saddr ether . arp saddr ip @leased4 accept
        add rule bridge bulkhead port drop

        """
}
