/// Hostile outer archives: what `docker save` or an OCI exporter would have written, and would not.
public struct HostileOuterArchive: Sendable, CustomStringConvertible {
    public var name: String
    /// Files that must be in the staging directory afterwards, no more.
    public var stored: Int
    public var archive: @Sendable (Surroundings) -> [UInt8]
    public var description: String { "I18 \(name)" }

    init(_ name: String, stored: Int, _ fill: @escaping @Sendable (inout TarBuilder, Surroundings) -> Void) {
        self.name = name
        self.stored = stored
        archive = { surroundings in
            var tar = TarBuilder()
            fill(&tar, surroundings)
            return tar.ended()
        }
    }

    public static let all: [HostileOuterArchive] = [
        HostileOuterArchive("blobs is a link to outside", stored: 1) { tar, around in
            tar.add("blobs", .link, link: around.canary)
            tar.add("blobs/secret", content: HostileLayer.pwned)
        },
        HostileOuterArchive("members named to lead out", stored: 3) { tar, around in
            tar.add("../canary/secret", content: HostileLayer.pwned)
            tar.add(around.canary + "/secret", content: HostileLayer.pwned)
            tar.add("blobs/sha256/../../../canary/pwned", content: HostileLayer.pwned)
        },
        HostileOuterArchive("a hard link to a host file", stored: 0) { tar, around in
            tar.add("index.json", .hardLink, link: around.canary + "/secret")
            tar.add("manifest.json", .hardLink, link: "../canary/secret")
        },
        HostileOuterArchive("a layer that is a link", stored: 0) { tar, around in
            tar.add("layer.tar", .link, link: around.canary + "/secret")
        },
        HostileOuterArchive("the same index twice", stored: 2) { tar, _ in
            tar.add("index.json", text: "{}")
            tar.add("index.json", text: "[]")
        },
        HostileOuterArchive("members named like ours", stored: 2) { tar, _ in
            tar.add("m1", text: "first")
            tar.add("m0", text: "second")
        },
        HostileOuterArchive("devices and fifos", stored: 0) { tar, _ in
            tar.add("index.json", .fifo)
            tar.add("oci-layout", .character) { ($0.major, $0.minor) = (1, 5) }
        },
    ]
}
