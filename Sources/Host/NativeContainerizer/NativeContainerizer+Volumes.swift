import Containerizing
import Containers
import Diagnostics
import LinuxKernel

extension NativeContainerizer {
    /// Refuses a volume that would show the container the runtime's own files: its records and sockets, every
    /// container's files, every image. What is mounted in there the kernel mostly would not map either, and says EPERM
    /// without a word on why.
    func checkVolumes(of request: ContainerRequest) throws(Failure) {
        if request.volumes.isEmpty { return }
        let own = [(places.volatile, "the state of the containers that run"), (places.store, "the image store")]
            .map { (path: Self.found($0.0) ?? $0.0, holds: $0.1) }
        for volume in request.volumes where !volume.isFile {
            // What cannot be found is refused by whoever opens it, who knows why; the root by what it is.
            guard let source = Self.found(volume.source, beneath: volume.confinedTo), source != "/" else { continue }
            for (path, holds) in own where Self.components(path).starts(with: Self.components(source)) {
                throw Failure(
                    "volume.refused-source", doing: "mount the volume", on: volume.source,
                    cause: "it contains \(path), where the runtime itself keeps \(holds)",
                    remedy: "give a directory made for this purpose", field: "volume")
            }
        }
    }

    private static func components(_ path: String) -> [Substring] { path.cut(at: "/").filter { $0 != "." } }

    /// The path without links; nil for what cannot be opened.
    private static func found(_ path: String, beneath root: String? = nil) -> String? {
        do throws(KernelError) {
            let place = try ConfinedPath.open(path, beneath: root)
            return withExtendedLifetime(place) { HostFacts.linkTarget(place.procPath) }
        } catch { return nil }
    }
}
