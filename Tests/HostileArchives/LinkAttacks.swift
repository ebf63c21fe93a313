extension HostileLayer {
    static let missing = Verdict.refused("layer.entry-invalid")

    /// I1: writing through symbolic links.
    static let linkAttacks: [HostileLayer] = [
        HostileLayer("I1", "an absolute link and a file through it", .contained(present: ["esc"])) { tar, around in
            tar.add("esc", .link, link: around.canary)
            tar.add("esc/pwned", content: pwned)
        },
        HostileLayer(
            "I1", "a relative link above the root and a file through it", .contained(present: ["esc"])
        ) { tar, around in
            tar.add("esc", .link, link: "../../../../../../../../..")
            tar.add("esc/\(around.canaryName)/secret", content: pwned)
        },
        HostileLayer("I1", "a chain of links", .contained(present: ["c", "canary/pwned"])) { tar, _ in
            tar.add("a", .link, link: "../canary")
            tar.add("b", .link, link: "a")
            tar.add("c", .link, link: "./b/../b")
            tar.add("canary/", .directory)
            tar.add("c/pwned", content: pwned)
        },
        HostileLayer(
            "I1", "a link in a lower layer", .contained(),
            lower: { tar, around in tar.add("esc", .link, link: around.canary) }
        ) { tar, around in
            tar.add("esc/secret", content: pwned)
            tar.add("esc/sub/file", content: pwned)
        },
        HostileLayer("I1", "a link to /proc/1/root", .contained(present: ["proc/1/root"])) { tar, around in
            tar.add("p", .link, link: "/proc/1/root")
            tar.add("p/\(around.canaryName)/secret", content: pwned)
        },
        HostileLayer("I1", "a link to /proc/self/cwd", .contained(present: ["proc/self/cwd"])) { tar, _ in
            tar.add("p", .link, link: "/proc/self/cwd")
            tar.add("p/../canary/secret", .directory)
            tar.add("p/x", content: pwned)
        }.expecting(missing),
        HostileLayer("I1", "a file over a link", .contained(present: ["esc"])) { tar, around in
            tar.add("esc", .link, link: around.canary + "/secret")
            tar.add("esc", content: pwned)
        },
        HostileLayer("I1", "a directory over a link, then its mode", .contained(present: ["esc/in"])) { tar, around in
            tar.add("esc", .link, link: around.canary)
            tar.add("esc/", .directory, mode: 0o777)
            tar.add("esc/in", content: pwned)
        },
        HostileLayer("I1", "a fifo and a device through a link", .contained()) { tar, around in
            tar.add("esc", .link, link: around.canary)
            tar.add("esc/fifo", .fifo)
            tar.add("esc/disk", .block) { ($0.major, $0.minor) = (8, 0) }
        },
        HostileLayer("I1", "attributes and times through a link", .contained()) { tar, around in
            tar.add("esc", .link, link: around.canary) { ($0.uid, $0.gid, $0.modified) = (1_000, 1_000, 1) }
            tar.attribute("user.pwned", pwned)
            tar.add("esc", .link, link: around.canary + "/secret") { ($0.uid, $0.modified) = (1_000, 1) }
        },
        HostileLayer("I1", "links in a circle", .refused("layer.limit")) { tar, _ in
            tar.add("a", .link, link: "b")
            tar.add("b", .link, link: "a")
            tar.add("a/x", content: pwned)
        },
        HostileLayer("I1", "a link toggled with a directory", .contained(present: ["d/pwned"])) { tar, around in
            for _ in 0..<200 {
                tar.add("d/", .directory)
                tar.add("d/in", content: pwned)
                tar.add("d", .link, link: around.canary)
                tar.add("d/pwned", content: pwned)
                tar.add("d/", .directory)
                tar.add("d/pwned", content: pwned)
            }
        },
    ]

    /// I2: hard links.
    static let hardLinkAttacks: [HostileLayer] = [
        HostileLayer("I2", "an absolute target outside", missing) { tar, around in
            tar.add("h", .hardLink, link: around.canary + "/secret")
        },
        HostileLayer("I2", "a target above the root", missing) { tar, _ in
            tar.add("h", .hardLink, link: "../canary/secret")
        },
        HostileLayer("I2", "a target through a link", missing) { tar, around in
            tar.add("esc", .link, link: around.canary)
            tar.add("h", .hardLink, link: "esc/secret")
        },
        HostileLayer(
            "I2", "a target through a lower layer's link", missing,
            lower: { tar, around in tar.add("esc", .link, link: around.canary) }
        ) { tar, _ in tar.add("h", .hardLink, link: "esc/secret") },
        HostileLayer(
            "I2", "a hard link to a link, then a file over it", .contained(present: ["s", "h"])
        ) { tar, around in
            tar.add("s", .link, link: around.canary + "/secret")
            tar.add("h", .hardLink, link: "s")
            tar.add("h", content: pwned)
        },
        HostileLayer("I2", "a hard link to a link, with a body", .contained(present: ["s", "h"])) { tar, around in
            tar.add("s", .link, link: around.canary + "/secret")
            tar.pax([("size", "6")])
            tar.add("h", .hardLink, link: "s", content: pwned)
        },
        HostileLayer("I2", "a target that is a directory", missing) { tar, _ in
            tar.add("d/", .directory)
            tar.add("h", .hardLink, link: "d")
        },
        HostileLayer("I2", "the root as the target", missing) { tar, _ in tar.add("h", .hardLink, link: "/") },
        HostileLayer("I2", "a link to itself", .contained(present: ["f"])) { tar, _ in
            tar.add("f", content: pwned)
            tar.add("f", .hardLink, link: "./f")
        },
        HostileLayer(
            "I2", "a target that a lower layer whited out", missing,
            lower: { tar, _ in tar.add("gone", content: pwned) }
        ) { tar, _ in
            tar.add(".wh.gone")
            tar.add("h", .hardLink, link: "gone")
        },
        HostileLayer(
            "I8", "a fifo of a lower layer as the target", .contained(present: ["h", "f"]),
            lower: { tar, _ in tar.add("f", .fifo) }
        ) { tar, _ in tar.add("h", .hardLink, link: "f") },
    ]

    func expecting(_ verdict: Verdict) -> HostileLayer {
        var copy = self
        copy.expected = verdict
        return copy
    }
}
