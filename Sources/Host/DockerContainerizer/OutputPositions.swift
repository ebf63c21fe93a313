import Containers
import Diagnostics
import LinuxKernel

/// Where the positions of all containers' output are kept: a small file each, written over again and again. Nothing is
/// made durable: a host that loses power loses its containers as well.
struct OutputPositions: Sendable {
    let directory: String

    private func path(_ id: ContainerID) -> RawPath { RawPath("\(directory)/\(id.text)") }

    /// The file, and what it says; positions at the beginning where it says nothing that can be read.
    func open(
        _ id: ContainerID
    ) throws(KernelError) -> (file: OwnedDescriptor, output: OutputPosition, error: OutputPosition) {
        try Directories.makeAll(directory, mode: 0o700)
        let file = try OwnedDescriptor.open(path(id), [.readWrite, .create, .noFollow], mode: 0o600)
        let text = try file.readBytes(OutputPosition.textBytes, at: 0)
        let (output, error) = OutputPosition.pair(text) ?? (OutputPosition(), OutputPosition())
        return (file, output, error)
    }

    func forget(_ id: ContainerID) throws(KernelError) {
        do throws(KernelError) {
            try OwnedDescriptor.open(RawPath(directory), [.directory]).unlink(RawPath(id.text))
        } catch {
            if error.errno != Errno.noEntry { throw error }
        }
    }
}
