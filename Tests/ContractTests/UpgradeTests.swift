import Containers
import Diagnostics
import Foundation
import HostProbe
import LinuxKernel
import NativeContainerizer
import Testing

/// A newer program finds containers that an older one has started. Goldens/record-1.json and started-1 are what the
/// first version of the format left of one.
@Suite("Records of other versions")
struct UpgradeTests {
    private static let id = "eaac1be31a8cb0c3"

    private static func golden(_ name: String) throws -> [UInt8] {
        let folder = #filePath.split(separator: "/").dropLast().joined(separator: "/")
        return try OwnedDescriptor.open(RawPath("/\(folder)/Goldens/\(name)")).readAll(limit: 1 << 20)
    }

    private static func places(_ root: String) -> Places { Places(volatile: root + "/run", store: root + "/store") }

    /// Records of an installation in which an older program left one container.
    private static func left(
        _ root: String, _ change: (inout [String: Any]) -> Void = { _ in }
    ) throws -> RecordStore {
        let store = RecordStore(places: places(root))
        try store.prepare()
        var record = try #require(
            try JSONSerialization.jsonObject(with: Data(golden("record-1.json"))) as? [String: Any])
        change(&record)
        let folder = "\(root)/run/containers/\(id)"
        try Directories.makeAll(folder, mode: 0o700)
        for (name, bytes) in [
            ("record.json", Array(try JSONSerialization.data(withJSONObject: record))),
            ("started", try golden("started-1")),
        ] {
            try OwnedDescriptor.open(RawPath("\(folder)/\(name)"), [.writeOnly, .create], mode: 0o600).write(bytes)
        }
        return store
    }

    @Test("a record of the first version is read whole: what ran under it is known")
    func older() throws {
        let root = try Surroundings.directory()
        let record = try #require(try Self.left(root).read(ContainerID(Self.id)))
        #expect(record.phase == .started)
        #expect(record.process?.startTime ?? 0 > 0)
        #expect(record.request.name == "older")
        #expect(record.request.process.arguments == ["sleep", "600"])
        #expect(record.request.isolation.identities.count == 65_536)
        #expect(record.request.isolation.network == .none)
        #expect(record.request.limits.pids == 1_024)
        #expect(record.request.output == nil && record.request.parent == nil && record.request.holdsOnly == nil)
        try TreeRemoval.remove(root)
    }

    @Test("what is written for such a container today has the same members: an older program reads it, too")
    func sameMembers() throws {
        let root = try Surroundings.directory()
        let record = try #require(try Self.left(root).read(ContainerID(Self.id)))
        var begun = record
        begun.phase = .creating
        begun.process = nil
        begun.startedAt = nil
        let written = try JSONSerialization.jsonObject(with: JSONEncoder().encode(begun)) as? NSDictionary
        #expect(try written == JSONSerialization.jsonObject(with: Data(Self.golden("record-1.json"))) as? NSDictionary)
        try TreeRemoval.remove(root)
    }

    @Test("a record of a newer version is refused, and its container is left alone")
    func newer() async throws {
        let root = try Surroundings.directory()
        let store = try Self.left(root) { $0["version"] = 2 }
        let failure = #expect(throws: Failure.self) { try store.read(ContainerID(Self.id)) }
        #expect(failure?.code == "state.newer")
        let stage = NativeTasks(
            runtime: NativeContainerizer(
                places: Self.places(root), launcherPath: Surroundings.launcher, host: HostProbe.abilities()),
            images: nil)
        let refusal = await #expect(throws: Failure.self) { try await stage.recover([]) }
        #expect(refusal?.code == "state.newer")
        #expect(HostFacts.exists("\(root)/run/containers/\(Self.id)/record.json"))
        try TreeRemoval.remove(root)
    }
}
