import Containers
import Diagnostics
import LaunchPlanning
import LinuxKernel
import NativeContainerizer
import Synchronization
import Testing

/// Looks at what there is when it is called, and refuses.
private final class LookingStarter: ContainerStarter {
    struct Sight: Equatable {
        var ownerOfRoot: UInt32?
        var isToldOf: Bool
    }

    let sights = Mutex<[Sight]>([])
    let auditLog: String
    init(auditLog: String) { self.auditLog = auditLog }

    func check(_ request: ContainerRequest) throws(Failure) {}
    func cleanUp(_ id: ContainerID) throws(Failure) {}

    func start(_ order: StartOrder) throws(Failure) -> ProcessHandle {
        let sight = Sight(ownerOfRoot: Self.owner(order.context.root), isToldOf: isToldOf(order.context.request.id))
        sights.withLock { $0.append(sight) }
        throw Failure("runtime.refused", doing: "start", on: order.context.request.id.text, cause: "it only looks")
    }

    private static func owner(_ root: RootTree) -> UInt32? {
        guard case .overlay(_, let upper, _) = root.assembly else { return nil }
        do throws(KernelError) {
            return try OwnedDescriptor.open(RawPath(upper), [.path, .directory]).status().uid
        } catch { return nil }
    }

    private func isToldOf(_ id: ContainerID) -> Bool {
        do throws(KernelError) {
            let directory = try OwnedDescriptor.open(RawPath(auditLog), [.directory])
            for entry in try directory.entries() {
                let lines = try directory.open(entry.name, [.readOnly]).readAll(limit: 1 << 20)
                if String(decoding: lines, as: UTF8.self).contains(id.text) { return true }
            }
        } catch {}
        return false
    }
}

@Suite("Another runtime's program")
struct StarterTests {
    @Test("is called when the writable layer is the container's and the audit trail tells of the launch")
    func order() throws {
        let base = try TestHost()
        let starter = LookingStarter(auditLog: base.places.auditLog)
        let containerizer = NativeContainerizer(
            places: base.places, launcherPath: TestHost.launcherPath, host: base.containerizer.host, starter: starter)
        for _ in 0..<20 {
            let failure = #expect(throws: Failure.self) {
                try containerizer.launch(base.request(["true"]), layers: [base.layer], attachment: Attachment())
            }
            #expect(failure?.code == "runtime.refused")
        }
        let sights = starter.sights.withLock { $0 }
        #expect(sights.count == 20)
        for sight in sights {
            #expect(sight.isToldOf)
            #expect(try #require(sight.ownerOfRoot) >= 65_536, "\(sight)")
        }
    }
}
