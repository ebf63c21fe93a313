extension HostileLayer {
    /// I3 and I4: names that lead out, that disagree, and entries for the root itself.
    static let nameAttacks: [HostileLayer] = [
        HostileLayer("I3", "a name above the root", missing) { tar, _ in tar.add("../canary/pwned", content: pwned) },
        HostileLayer("I3", "a name that goes up in the middle", missing) { tar, _ in
            tar.add("a/b/../../../canary/pwned", content: pwned)
        },
        HostileLayer("I3", "an absolute name", .contained()) { tar, around in
            tar.add(around.canary + "/secret", content: pwned)
        },
        HostileLayer("I3", "many slashes before an absolute name", .contained()) { tar, around in
            tar.add("////." + around.canary + "/secret", content: pwned)
        },
        HostileLayer("I3", "the way up in the prefix field", missing) { tar, _ in
            tar.add("pwned", content: pwned) { $0.prefix = Array("../canary".utf8) }
        },
        HostileLayer("I3", "the way up in an extended header", missing) { tar, _ in
            tar.pax([("path", "../canary/pwned")])
            tar.add("harmless", content: pwned)
        },
        HostileLayer("I3", "a global extended header's path", .contained(present: ["harmless"])) { tar, _ in
            tar.pax([("path", "../canary/pwned")], .paxGlobal)
            tar.add("harmless", content: pwned)
        },
        HostileLayer("I3", "the way up in a GNU long name", missing) { tar, _ in
            tar.gnuLong(.longName, Array("../canary/pwned".utf8))
            tar.add("harmless", content: pwned)
        },
        HostileLayer("I3", "three names that disagree", .contained(present: ["long"], absent: ["header"])) { tar, _ in
            tar.gnuLong(.longName, Array("long".utf8))
            tar.pax([("path", "../canary/pwned")])
            tar.add("header", content: pwned)
        },
        HostileLayer("I3", "a GNU long link target", missing) { tar, _ in
            tar.gnuLong(.longLink, Array("../canary/secret".utf8))
            tar.add("h", .hardLink, link: "harmless")
        },
        HostileLayer("I3", "a sparse file's other name", missing) { tar, _ in
            tar.pax([
                ("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.name", "../canary/pwned"),
                ("GNU.sparse.realsize", "6"),
            ])
            tar.add("harmless", content: Array("1\n0\n6\n".utf8) + [UInt8](repeating: 0, count: 506) + pwned)
        },
        HostileLayer("I3", "NUL in an extended header's path", .contained(absent: ["../canary/pwned"])) { tar, _ in
            tar.pax([("path", Array("a\0/../../canary/pwned".utf8))])
            tar.add("harmless", content: pwned)
        },
        HostileLayer("I3", "a component of 256 bytes", .refused("layer.limit")) { tar, _ in
            tar.pax([("path", String(repeating: "n", count: 256))])
            tar.add("n", content: pwned)
        },
        HostileLayer("I3", "a path of 5000 bytes", .refused("layer.limit")) { tar, _ in
            tar.pax([("path", String(repeating: "d/", count: 2_500))])
            tar.add("n", .directory)
        },
        HostileLayer("I4", "the root as a link", missing) { tar, around in tar.add("./", .link, link: around.canary) },
        HostileLayer("I4", "the root as a file", missing) { tar, _ in tar.add(".", content: pwned) },
        HostileLayer("I4", "the root as a file with a slash", .refused("layer.archive-invalid")) { tar, _ in
            tar.add("/", content: pwned)
        },
        HostileLayer("I4", "the root as a hard link", missing) { tar, around in
            tar.add(".", .hardLink, link: around.canary)
        },
        HostileLayer("I4", "the directory above the root", missing) { tar, _ in
            tar.add("..", .directory, mode: 0o777)
        },
        HostileLayer("I4", "the directory above, with a slash", missing) { tar, _ in
            tar.add("./../", .directory, mode: 0o777)
        },
        HostileLayer("I4", "an empty name", missing) { tar, _ in tar.add("", content: pwned) },
        HostileLayer("I20", "control characters in a refused name", missing) { tar, _ in
            tar.add("../\u{1b}]0;pwned\u{7}\r\nforged line", content: pwned)
        },
    ]

    /// I5: whiteouts that try to remove more than a lower layer's file.
    static let whiteoutAttacks: [HostileLayer] = [
        HostileLayer("I5", "a whiteout of ..", missing) { tar, _ in tar.add(".wh...") },
        HostileLayer("I5", "a whiteout of .", missing) { tar, _ in tar.add(".wh..") },
        HostileLayer("I5", "a whiteout of nothing", missing) { tar, _ in tar.add("d/.wh.") },
        HostileLayer("I5", "a whiteout below a link", .contained()) { tar, around in
            tar.add("esc", .link, link: around.canary)
            tar.add("esc/.wh.secret")
            tar.add("esc/sub/.wh..wh..opq")
        },
        HostileLayer("I5", "an opaque mark below a link above the root", .contained()) { tar, _ in
            tar.add("esc", .link, link: "../canary")
            tar.add("esc/.wh..wh..opq")
        },
        HostileLayer("I5", "a name below a whiteout", missing) { tar, _ in
            tar.add(".wh.x", .directory)
            tar.add(".wh.x/y", content: pwned)
        },
        HostileLayer("I5", "a whiteout that is a link", .contained()) { tar, around in
            tar.add(".wh.x", .link, link: around.canary)
            tar.add(".wh.y", .hardLink, link: around.canary + "/secret")
            tar.add(".wh.z", .directory, mode: 0o777)
        },
        HostileLayer("I5", "a whiteout from an extended header", missing) { tar, _ in
            tar.pax([("path", "d/.wh../secret")])
            tar.add("harmless")
        },
        HostileLayer("I5", "bookkeeping of aufs", .contained(absent: [".wh..wh.plnk", ".wh..wh.aufs"])) { tar, around in
            tar.add(".wh..wh.aufs", content: pwned)
            tar.add(".wh..wh.plnk/", .directory)
            tar.add(".wh..wh.plnk/1.2", .link, link: around.canary)
        },
        HostileLayer(
            "I5", "a whiteout after its new sibling", .contained(present: ["f", "d/new"]),
            lower: { tar, _ in
                tar.add("f", text: "old")
                tar.add("d/old", text: "old")
            }
        ) { tar, _ in
            tar.add("f", content: pwned)
            tar.add("d/new", content: pwned)
            tar.add(".wh.f")
            tar.add(".wh.d")
        },
    ]
}
