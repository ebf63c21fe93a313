import Diagnostics
import DurableStorage
import LinuxKernel
import Testing

@testable import TaskFiles

@Suite("The operator's secrets")
struct SecretDirectoryTests {
    private static func withPlace(_ body: (String) async throws -> Void) async throws {
        let path = "/tmp/bulkhead-secrets-" + RandomName.make()
        try Directories.makeAll(path, mode: 0o700)
        try write("value", to: path + "/plain")
        try Directories.makeAll(path + "/parts", mode: 0o700)
        try write("part", to: path + "/parts/one")
        try await body(path)
        try TreeRemoval.remove(path)
    }

    private static func write(_ text: String, to path: String, mode: UInt32 = 0o600) throws {
        let file = try OwnedDescriptor.open(RawPath(path), [.writeOnly, .create], mode: mode)
        try file.write(text)
        try file.changeMode(mode)
    }

    private static func text(_ path: String, _ name: String, _ key: String? = nil) async throws -> String {
        let value = try await SecretDirectory(path).secret(name, key: key)
        return value.reveal { String(decoding: $0, as: UTF8.self) }
    }

    @Test("a file is a secret, a directory one with keys; both are read anew each time")
    func read() async throws {
        try await Self.withPlace { path in
            #expect(try await Self.text(path, "plain") == "value")
            #expect(try await Self.text(path, "parts", "one") == "part")
            try OwnedDescriptor.open(RawPath(path + "/plain"), [.writeOnly, .truncate]).write("newer")
            #expect(try await Self.text(path, "plain") == "newer")
        }
    }

    @Test(
        "nothing outside is reached, whatever the name",
        arguments: ["../passwd", "..", ".", "", "a/b", ".hidden", "a\0b", String(repeating: "a", count: 256), "ü"])
    func names(_ name: String) async throws {
        try await Self.withPlace { path in
            await #expect(throws: Failure.self) { _ = try await Self.text(path, name) }
            await #expect(throws: Failure.self) { _ = try await Self.text(path, "parts", name) }
        }
    }

    @Test("what others may read or change, links, and what is no file are refused, and the refusal says nothing of it")
    func unsafe() async throws {
        try await Self.withPlace { path in
            try Self.write("canary", to: path + "/open", mode: 0o644)
            try Self.write("canary", to: path + "/writable", mode: 0o620)
            let folder = try OwnedDescriptor.open(RawPath(path), [.directory])
            try folder.makeLink(RawPath("link"), to: RawPath("plain"))
            try Self.write("canary", to: path + "/theirs")
            try OwnedDescriptor.open(RawPath(path + "/theirs")).changeOwner(uid: 1_000, gid: 0)
            for name in ["open", "writable", "link", "theirs", "parts", "missing"] {
                do {
                    _ = try await Self.text(path, name)
                    Issue.record("\(name) was read")
                } catch let failure as Failure {
                    #expect(!"\(failure)".contains("canary"), "\(failure)")
                }
            }
        }
    }

    @Test("a directory that others may look into is not used at all")
    func openDirectory() async throws {
        try await Self.withPlace { path in
            try OwnedDescriptor.open(RawPath(path), [.directory]).changeMode(0o755)
            #expect(throws: Failure.self) { _ = try SecretDirectory(path) }
        }
    }
}
