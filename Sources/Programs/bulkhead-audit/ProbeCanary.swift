import Containers
import Diagnostics
import ImageStorage
import LaunchPlanning
import LinuxKernel
import NativeContainerizer
import ProbeFormat

/// A container in which the escape probe runs to its end. The probe comes as a layer of its own on top, so that no
/// mount is there which the container it stands for would not have.
struct ProbeCanary {
    let containerizer: NativeContainerizer
    let store: ImageStore
    /// Nil: a root that holds nothing but the probe.
    let image: StoredImage?
    /// `bulkhead-probe`, see Sources/Probe.
    let program: String

    private static let name = "bulkhead-probe"
    private static let secondsMax = 240.0
    private static let programBytesMax = 8 << 20

    /// Launches, or with `byExec` launches something that only holds and joins it; judges what came back; leaves
    /// nothing behind.
    func result(of request: ContainerRequest, byExec: Bool) throws(Failure) -> EscapeResult {
        let directory = "\(containerizer.places.store)/probe-\(request.id.text)"
        let layers = (image?.layers ?? []) + [directory]
        do throws(Failure) {
            let lock = try containerizer.launchLock()
            defer { withExtendedLifetime(lock) {} }
            try prepare(directory)
            if let image { try store.lease(container: request.id.text, image: image) }
            let filter = try filter(of: request, layers: layers)
            let text = try byExec ? joined(request, layers) : launched(request, layers)
            let result = try EscapeResult(try ProbeOutput(text), filter: filter)
            try cleanUp(request.id, directory)
            return result
        } catch let first {
            do throws(Failure) { try cleanUp(request.id, directory) } catch { throw first.also(error) }
            throw first
        }
    }

    private func launched(_ request: ContainerRequest, _ layers: [String]) throws(Failure) -> String {
        var request = request
        request.process.arguments = ["/" + Self.name, "all"]
        let (output, running) = try launchReading(request, layers)
        let text = try read(output)
        _ = try containerizer.wait(for: request.id, running: running)
        return text
    }

    private func joined(_ request: ContainerRequest, _ layers: [String]) throws(Failure) -> String {
        var holder = request
        holder.process.arguments = ["/" + Self.name, "hold"]
        _ = try containerizer.launch(holder, layers: layers, attachment: Attachment())
        var process = request.process
        process.arguments = ["/" + Self.name, "all"]
        let (output, joined) = try joinReading(request.id, process)
        let text = try read(output)
        _ = try joined.wait()
        return text
    }

    /// The write ends are gone when these return, so the pipes end with the probe.
    private func launchReading(
        _ request: ContainerRequest, _ layers: [String]
    ) throws(Failure) -> (OwnedDescriptor, RunningContainer) {
        let (reader, writer) = try pipe()
        let streams = Attachment(streams: [1: writer, 2: writer])
        return (reader, try containerizer.launch(request, layers: layers, attachment: streams))
    }

    private func joinReading(
        _ id: ContainerID, _ process: ProcessRequest
    ) throws(Failure) -> (OwnedDescriptor, JoinedProcess) {
        let (reader, writer) = try pipe()
        let streams = Attachment(streams: [1: writer, 2: writer], endsWithCaller: true)
        return (reader, try containerizer.exec(id, process, attachment: streams))
    }
}

extension ProbeCanary {
    private func pipe() throws(Failure) -> (OwnedDescriptor, OwnedDescriptor) {
        do throws(KernelError) {
            let pipe = try OwnedDescriptor.pipe()
            return (pipe.read, pipe.write)
        } catch {
            throw error.failure("probe.cannot-run", doing: "make a pipe for the escape probe")
        }
    }

    /// Until the end of the pipe; a probe that stops saying anything is given up.
    private func read(_ pipe: OwnedDescriptor) throws(Failure) -> String {
        let deadline = Deadline(seconds: Self.secondsMax)
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 16)
        defer { room.deallocate() }
        var bytes: [UInt8] = []
        do throws(KernelError) {
            while bytes.count <= ProbeOutput.bytesMax {
                guard try pipe.waitReadable(milliseconds: 1_000) else {
                    try deadline.pause("the escape probe")
                    continue
                }
                let count = try pipe.read(into: room)
                if count == 0 { break }
                bytes += room[..<count]
            }
        } catch {
            throw error.failure("probe.cannot-run", doing: "read what the escape probe says")
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The program the container will be given, from the plan that launches it.
    private func filter(of request: ContainerRequest, layers: [String]) throws(Failure) -> ProbedFilter {
        for planned in try containerizer.plan(request, layers: layers, hasReader: true).steps {
            if case .installFilter(_, let program) = planned.step { return ProbedFilter(program: program.bytes) }
        }
        return ProbedFilter(program: [])
    }

    private func prepare(_ directory: String) throws(Failure) {
        do throws(KernelError) {
            let program = try OwnedDescriptor.open(RawPath(self.program)).readAll(limit: Self.programBytesMax)
            try Directories.makeAll(directory, mode: 0o755)
            let layer = try OwnedDescriptor.open(RawPath(directory), [.directory, .noFollow])
            try layer.changeMode(0o755)
            let file = try layer.open(RawPath(Self.name), [.writeOnly, .create, .exclusive], mode: 0o755)
            try file.write(program)
            try file.changeMode(0o755)
            if image == nil {
                try layer.makeDirectory("tmp", mode: 0o1777)
                try layer.changeMode(of: "tmp", 0o1777)
            }
        } catch {
            throw error.failure(
                "probe.cannot-run", doing: "put the escape probe into a layer", on: directory,
                remedy: "see that the store's file system is writable and has room")
        }
    }

    private func cleanUp(_ id: ContainerID, _ directory: String) throws(Failure) {
        if try containerizer.records.read(id) != nil { try containerizer.remove(id, force: true) }
        if image != nil { try store.release(container: id.text) }
        do throws(KernelError) { try TreeRemoval.remove(directory) } catch {
            throw error.failure("probe.cannot-clean-up", doing: "remove the escape probe's layer", on: directory)
        }
    }
}
