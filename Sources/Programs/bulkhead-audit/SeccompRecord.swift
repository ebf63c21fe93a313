import ArgumentParser
import CommandOutput
import Containerizing
import Containers
import Diagnostics
import ImageStorage
import LinuxKernel
import NativeContainerizer
import OCIFormat
import SeccompCompiler
import SeccompFormat

struct SeccompRecord: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "record", abstract: "Write the profile of what a workload really calls.",
        discussion: """
            The workload runs traced: an IMAGE in a container with the default walls, or a command of this host after \
            '--'. Its profile allows what was seen, and what every program needs, and answers ENOSYS to the rest. \
            What the default profile refuses is left out and said, unless --allow-beyond-default is given. Record \
            several runs, with errors among them, and merge them. What the workload prints goes to standard error.

            Examples:
              bulkhead audit seccomp record -o ./web.json my-server
              bulkhead audit seccomp record -o ./web.json --merge ./web.json my-server -- /bin/server --check
              bulkhead audit seccomp record -- date
            """)

    @Option(
        name: [.customShort("o"), .long],
        help: .init("Write the profile here, not to standard output.", valueName: "file"))
    var output: String?
    @Option(help: .init("A profile to add to; may be the output file, and need not be there yet.", valueName: "file"))
    var merge: String?
    @Flag(help: "Allow also what was seen and the default profile refuses.") var allowBeyondDefault = false
    @OptionGroup(title: "Places") var places: PlaceOptions
    @Argument(help: "An image (usual: the command runs on this host).") var image: String?
    @Argument(parsing: .postTerminator, help: "The command, after '--'.") var command: [String] = []

    func run() throws {
        let recorder = CallRecorder(places: places, program: try InstalledProgram.probe.found())
        let text: String
        if let image {
            text = try recorder.inContainer(image, command)
        } else if command.isEmpty {
            throw Failure.flag("image", "", cause: "there is nothing to record", remedy: "give an image, or -- COMMAND")
        } else {
            text = try recorder.onHost(command)
        }
        let recording = try CallRecording(text)
        let old = try merge.flatMap { path throws(Failure) in
            HostFacts.exists(path) ? try SeccompProfile.decode(json: try SeccompChoice.file(path), name: path) : nil
        }
        let profile = try profile(recording, merging: old)
        for line in profile.leftOut { Console.note("bulkhead: left out: \(Untrusted.shown(line))") }
        Console.note("bulkhead: \(recording.entries.count) calls seen, the command ended with \(recording.status)")
        try write(profile.json())
    }

    private func profile(
        _ recording: CallRecording, merging old: SeccompProfile?
    ) throws(Failure) -> RecordedProfile {
        let numbers = LibraryNumbering()
        let bound = try SeccompChoice("default", .standard, .rootDefault)
        return try RecordedProfile(recording, merging: old, names: { numbers.name(of: $0, on: .native) }) {
            call, arguments throws(Failure) in
            if allowBeyondDefault { return true }
            guard case .number(let number) = numbers.number(of: call, on: .native) else { return false }
            let made = FilterEvaluator.Call(
                architecture: FilterArchitecture.native.auditArchitecture, number: number, arguments: arguments)
            return try FilterEvaluator.evaluate(bound.instructions, made) == .allow
        }
    }

    private func write(_ text: String) throws(Failure) {
        guard let output else { return try Console.write(text) }
        let path = HostPath.absolute(output, in: CurrentProcess.directory())
        do throws(KernelError) {
            let file = try OwnedDescriptor.open(RawPath(path), [.writeOnly, .create, .truncate], mode: 0o644)
            try file.write(text)
        } catch {
            throw error.failure("seccomp.unwritable", doing: "write the seccomp profile", on: path)
        }
    }
}

/// Runs a workload under `bulkhead-probe record` and gives what it wrote down.
struct CallRecorder {
    let places: PlaceOptions
    /// `bulkhead-probe`.
    let program: String

    private static let mark = "/bulkhead-recording"
    private static let recorder = "/bulkhead-recorder"

    func onHost(_ command: [String]) throws(Failure) -> String {
        try withRecording { file throws(Failure) in
            do throws(KernelError) {
                let streams = try [0, 1, 2].map { stream throws(KernelError) -> OwnedDescriptor? in
                    try OwnedDescriptor.standardStream(stream == 1 ? 2 : stream)
                }
                let process = try ToolProcess.start(
                    program, ["record", file, CurrentProcess.directory()] + command,
                    environment: ProcessEnvironment.all(), descriptors: streams)
                _ = try process.reap()
            } catch {
                throw error.failure("seccomp.cannot-record", doing: "run the command", on: command[0])
            }
        }
    }

    func inContainer(_ name: String, _ command: [String]) throws(Failure) -> String {
        let containerizer = try places.containerizer()
        let store = try places.imageStore()
        let image = try store.resolve(name)
        return try withRecording { file throws(Failure) in
            let request = try request(image, name, command, file, containerizer)
            do throws(Failure) {
                let (reader, running) = try leased(request, image, store, containerizer)
                try follow(reader)
                _ = try containerizer.wait(for: request.id, running: running)
                try store.release(container: request.id.text)
            } catch let first {
                do throws(Failure) {
                    if try containerizer.records.read(request.id) != nil {
                        try containerizer.remove(request.id, force: true)
                    }
                    try store.release(container: request.id.text)
                } catch { throw first.also(error) }
                throw first
            }
        }
    }

    private func request(
        _ image: StoredImage, _ name: String, _ command: [String], _ file: String, _ runtime: NativeContainerizer
    ) throws(Failure) -> ContainerRequest {
        let user = try Accounts.resolve(image.config.user ?? .root) { paths, limit throws(Failure) in
            try runtime.imageFiles(paths, layers: image.layers, limit: limit)
        }
        let id = ContainerID(number: KernelRandom.number())
        let composition = TaskComposition(
            config: image.config, command: command, entrypoint: nil, environment: [], workingDirectory: nil, user: user,
            hostname: "recording", hasTerminal: false)
        var process = composition.process(terminal: nil, interactive: false)
        process.arguments = [Self.recorder, "record", Self.mark, "."] + process.arguments
        var request = ContainerRequest(
            id: id, name: "record-\(id.text.prefix(12))",
            image: ImageIdentity(reference: name, digest: image.summary.manifest.description), process: process)
        request.isolation.capabilities = try composition.capabilities(adding: [], dropping: [])
        request.volumes = [
            VolumeRequest(source: file, target: Self.mark, isFile: true),
            VolumeRequest(source: program, target: Self.recorder, isFile: true, readOnly: true),
        ]
        request.removeAtEnd = true
        return request
    }

    /// Until the end; what it prints goes to our standard error.
    private func follow(_ reader: OwnedDescriptor) throws(Failure) {
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 16)
        defer { room.deallocate() }
        while true {
            let count: Int
            do throws(KernelError) { count = try reader.read(into: room) } catch {
                throw error.failure("seccomp.cannot-record", doing: "read what the workload prints")
            }
            if count == 0 { break }
            try Console.write(Array(room[..<count]), to: 2)
        }
    }

    /// Launches with the image leased, which a sweep meanwhile leaves alone.
    private func leased(
        _ request: ContainerRequest, _ image: StoredImage, _ store: ImageStore, _ containerizer: NativeContainerizer
    ) throws(Failure) -> (OwnedDescriptor, RunningContainer) {
        let launching = try containerizer.launchLock()
        defer { withExtendedLifetime(launching) {} }
        try store.lease(container: request.id.text, image: image)
        return try launch(request, image, containerizer)
    }

    /// The write end is gone when this returns, so the pipe ends with the workload.
    private func launch(
        _ request: ContainerRequest, _ image: StoredImage, _ containerizer: NativeContainerizer
    ) throws(Failure) -> (OwnedDescriptor, RunningContainer) {
        let pipe: (read: OwnedDescriptor, write: OwnedDescriptor)
        do throws(KernelError) { pipe = try OwnedDescriptor.pipe() } catch {
            throw error.failure("seccomp.cannot-record", doing: "make a pipe for the workload")
        }
        let streams = Attachment(streams: [1: pipe.write, 2: pipe.write])
        return (pipe.read, try containerizer.launch(request, layers: image.layers, attachment: streams))
    }

    /// A file that a user of a container may write into; nobody else reaches its directory. Gone afterwards.
    private func withRecording(_ body: (String) throws(Failure) -> Void) throws(Failure) -> String {
        let directory = "/tmp/bulkhead-record-\(String(KernelRandom.number(), radix: 16))"
        let file = directory + "/calls"
        do throws(KernelError) {
            try Directories.makeAll(directory, mode: 0o700)
            let opened = try OwnedDescriptor.open(RawPath(file), [.writeOnly, .create, .exclusive], mode: 0o666)
            try opened.changeMode(0o666)
        } catch {
            throw error.failure("seccomp.cannot-record", doing: "make a file for the recording", on: file)
        }
        let result: Result<String, Failure>
        do throws(Failure) {
            try body(file)
            result = .success(try read(file))
        } catch { result = .failure(error) }
        do throws(KernelError) { try TreeRemoval.remove(directory) } catch {
            throw error.failure("seccomp.cannot-record", doing: "remove the recording", on: directory)
        }
        return try result.get()
    }

    private func read(_ file: String) throws(Failure) -> String {
        do throws(KernelError) { return try TextFile.read(file, limit: CallRecording.bytesMax) } catch {
            throw error.failure("seccomp.cannot-record", doing: "read the recording", on: file)
        }
    }
}
