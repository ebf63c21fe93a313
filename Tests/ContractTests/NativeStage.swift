import Containers
import HostProbe
import ImageStorage
import LinuxKernel
import NativeContainerizer
import OCIRuntimeContainerizer
import Synchronization
import Testing

/// A directory of a test's own on a real file system, and the programs under test.
enum Surroundings {
    static func directory() throws -> String {
        let base = ProcessEnvironment.value("BULKHEAD_TEST_SCRATCH") ?? "/tmp"
        let path = "\(base)/bulkhead-contract-\(String(KernelRandom.number(), radix: 36))"
        try Directories.makeAll(path, mode: 0o711)
        return path
    }

    static func program(_ variable: String, _ fallback: String) -> String {
        if let path = ProcessEnvironment.value(variable) { return path }
        let root = #filePath.firstRange(of: "/Tests/").map { String(#filePath[..<$0.lowerBound]) } ?? ""
        return root + "/" + fallback
    }

    static var launcher: String { program("BULKHEAD_LAUNCHER", ".build/launcher/bulkhead-launch") }
    static var unpacker: String { program("BULKHEAD_UNPACK", ".build/debug/bulkhead-unpack") }
    static var images: String { program("BULKHEAD_TEST_IMAGES", "images/out") }

    /// A store with busybox in it, below `path`.
    static func store(at path: String, form: LayerForm = .directory) throws -> (ImageStore, String) {
        let store = try ImageStore(root: path, unpacker: Unpacker(program: unpacker))
        let imported = try store.importImages(
            ImportRequest(source: .path("\(images)/busybox.tar"), layerForm: form))
        let image = try #require(imported.first)
        return (store, "\(image.id)")
    }
}

final class NativeStage: Stage {
    let directory: String
    let image: ContainerLaunch.Root
    private let root: String
    let store: ImageStore
    private let runtime: String?
    private let current: Mutex<NativeTasks>

    /// `runtime` is the OCI runtime that makes the containers; nil: ours does.
    init(runtime: String? = nil, form: LayerForm = .directory) throws {
        self.runtime = runtime
        root = try Surroundings.directory()
        directory = root + "/files"
        try Directories.makeAll(directory, mode: 0o755)
        let name: String
        (store, name) = try Surroundings.store(at: root + "/store", form: form)
        image = .image(name)
        current = Mutex(try Self.make(root, store, runtime))
    }

    private static func make(_ root: String, _ store: ImageStore, _ runtime: String?) throws -> NativeTasks {
        let places = Places(volatile: root + "/run", store: root + "/store", agent: "test")
        let starter = try runtime.map { try OCIRuntime(program: $0, places: places) }
        return NativeTasks(
            runtime: NativeContainerizer(
                places: places, launcherPath: Surroundings.launcher, host: HostProbe.abilities(), starter: starter),
            images: store, name: runtime.map { "oci:" + $0 } ?? "native")
    }

    var native: NativeTasks { current.withLock { $0 } }
    var containerizer: any Containerizer { native }

    func restart() async throws { let made = try Self.make(root, store, runtime)
        current.withLock { $0 = made } }

    func end() async throws {
        try await restart()
        _ = try await containerizer.recover([])
        try TreeRemoval.remove(root)
    }
}
