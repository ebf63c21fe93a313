extension HostileLayer {
    private static let limit = Verdict.refused("layer.limit")
    private static let invalid = Verdict.refused("layer.archive-invalid")

    /// I15: numbers and headers no tool writes.
    static let numbers: [HostileLayer] = [
        HostileLayer("I15", "a negative size", invalid) { tar, _ in
            tar.add("f") { $0.raw[124] = TarBuilder.base256(UInt64(bitPattern: -512), 12, negative: true) }
        },
        HostileLayer("I15", "a size of 2^62", limit) { tar, _ in tar.add("f") { $0.size = 1 << 62 } },
        HostileLayer("I15", "a size of 2^63 - 1", invalid) { tar, _ in
            tar.add("f") { $0.size = UInt64(Int64.max) }
        },
        HostileLayer(
            "I15", "a size in an extended header that hides an entry", .contained(absent: ["hidden"])
        ) { tar, _ in
            var inner = TarBuilder()
            inner.add("hidden", content: pwned)
            tar.pax([("size", "\(inner.bytes.count)")])
            tar.add("f") { $0.size = 0 }
            tar.append(inner.bytes)
        },
        HostileLayer("I15", "a negative size in an extended header", invalid) { tar, _ in
            tar.pax([("size", "-1")])
            tar.add("f")
        },
        HostileLayer("I15", "an owner of 2^32", missing) { tar, _ in tar.add("f") { $0.uid = 1 << 32 } },
        HostileLayer("I15", "an owner of 2^32 - 1", missing) { tar, _ in tar.add("f") { $0.uid = (1 << 32) - 1 } },
        HostileLayer("I15", "a group of -1", missing) { tar, _ in
            tar.pax([("gid", "-1")])
            tar.add("f")
        },
        HostileLayer("I15", "a time of 10^30", missing) { tar, _ in
            tar.pax([("mtime", "1" + String(repeating: "0", count: 30))])
            tar.add("f")
        },
        HostileLayer("I15", "a time before 1901", missing) { tar, _ in
            tar.pax([("mtime", "-99999999999")])
            tar.add("f")
        },
        HostileLayer("I15", "an extended header of 512 MiB", invalid) { tar, _ in
            tar.add("PaxHeaders/x", .pax) { $0.size = 512 << 20 }
            tar.append([UInt8](repeating: 0x61, count: 4 << 20))
        },
        HostileLayer("I15", "an extended header that claims 64 GiB", invalid) { tar, _ in
            tar.add("PaxHeaders/x", .pax) { $0.size = 64 << 30 }
        },
        HostileLayer("I15", "a long name that claims 64 GiB", invalid) { tar, _ in
            tar.add("././@LongLink", .longName) { $0.size = 64 << 30 }
        },
        HostileLayer("I15", "a record longer than its header", invalid) { tar, _ in
            tar.add("PaxHeaders/x", .pax, content: Array("999999999 path=x\n".utf8))
            tar.add("f")
        },
        HostileLayer("I15", "a record of no length", invalid) { tar, _ in
            tar.add("PaxHeaders/x", .pax, content: Array("0 path=x\n".utf8))
            tar.add("f")
        },
        HostileLayer("I15", "a hundred thousand records", .contained(present: ["f"])) { tar, _ in
            tar.pax((0..<80_000).map { ("k\($0 % 10)", "v") })
            tar.add("f")
        },
        HostileLayer("I15", "a hundred thousand extended headers", invalid) { tar, _ in
            for _ in 0..<100_000 { tar.pax([("k", "v")]) }
            tar.add("f")
        },
        HostileLayer("I15", "file flags", .contained(present: ["f"])) { tar, _ in
            tar.pax([("SCHILY.fflags", "schg,uchg,sappnd")])
            tar.add("f", content: pwned)
        },
    ]
}
