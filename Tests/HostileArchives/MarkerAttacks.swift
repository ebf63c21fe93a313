extension HostileLayer {
    /// I6, I7, I9: what a layer may not plant: the overlay's own marks, devices, host security attributes.
    static let markerAttacks: [HostileLayer] = [
        HostileLayer("I6", "a 0:0 device in place of a whiteout", .contained(absent: ["f"])) { tar, _ in
            tar.add("f", .character, mode: 0)
        },
        HostileLayer("I6", "the overlay's attributes", .contained(present: ["d", "f"])) { tar, around in
            tar.pax([
                ("SCHILY.xattr.trusted.overlay.opaque", "y"), ("SCHILY.xattr.user.overlay.opaque", "y"),
                ("SCHILY.xattr.trusted.overlay.redirect", around.canary),
                ("SCHILY.xattr.user.overlay.redirect", around.canary),
                ("LIBARCHIVE.xattr.trusted.overlay.redirect", "L2V0Yw"),
            ])
            tar.add("d/", .directory)
            tar.pax([
                ("SCHILY.xattr.trusted.overlay.metacopy", "x"), ("SCHILY.xattr.trusted.overlay.origin", "x"),
                ("SCHILY.xattr.user.overlay.metacopy", "x"), ("SCHILY.xattr.trusted.other", "x"),
                ("SCHILY.xattr.security.selinux", "x"), ("SCHILY.xattr.security.ima", "x"),
                ("SCHILY.xattr.system.other", "x"),
            ])
            tar.add("f", content: pwned)
        },
        HostileLayer("I7", "devices", .contained(absent: ["dev/sda", "dev/mem", "disk"])) { tar, _ in
            tar.add("dev/", .directory)
            tar.add("dev/sda", .block, mode: 0o666) { ($0.major, $0.minor) = (8, 0) }
            tar.add("dev/mem", .character, mode: 0o666) { ($0.major, $0.minor) = (1, 1) }
            tar.add("disk", .block, mode: 0o666) { ($0.major, $0.minor) = (254, 0) }
        },
        HostileLayer("I9", "a damaged file capability", .refused("layer.write")) { tar, _ in
            tar.attribute("security.capability", [1, 2, 3])
            tar.add("f", content: pwned)
        },
        HostileLayer("I9", "an attribute larger than the kernel takes", .refused("layer.limit")) { tar, _ in
            tar.attribute("user.large", [UInt8](repeating: 0x61, count: 70_000))
            tar.add("f", content: pwned)
        },
        HostileLayer("I9", "too many attributes", .refused("layer.limit")) { tar, _ in
            tar.pax((0..<1_000).map { ("SCHILY.xattr.user.n\($0)", "v") })
            tar.add("f", content: pwned)
        },
        HostileLayer("I9", "an attribute with an impossible name", .refused("layer.limit")) { tar, _ in
            tar.attribute("user." + String(repeating: "n", count: 300), [1])
            tar.add("f", content: pwned)
        },
        HostileLayer("I9", "a damaged access-control list", .refused("layer.write")) { tar, _ in
            tar.attribute("system.posix_acl_access", [9, 9, 9])
            tar.add("f", content: pwned)
        },
        HostileLayer("I14", "a set-user-ID file, then a plain one", .contained(present: ["f"])) { tar, _ in
            tar.add("f", mode: 0o6755, content: pwned)
            tar.add("f", mode: 0o644, content: pwned)
        },
        HostileLayer("I14", "one path with five thousand types", .contained(present: ["f"])) { tar, around in
            for turn in 0..<1_000 {
                tar.add("f", content: pwned)
                tar.add("f/", .directory)
                tar.add("f/in\(turn)", content: pwned)
                tar.add("f", .link, link: around.canary)
                tar.add("f", .fifo)
            }
        },
    ]
}
