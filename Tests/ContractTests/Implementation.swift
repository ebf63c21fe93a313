import Containers
import LinuxKernel
import Testing

/// Every containerizer there is; each check below holds for each of them.
enum Implementation: String, CaseIterable, CustomTestStringConvertible {
    case native
    case images = "native, a layer as one file"
    case crun = "oci:crun"
    case runc = "oci:runc"
    case composed = "native,oci:crun"
    case docker
    case simulated

    /// The Docker Engine is one that Tests/run has started for this run alone, where that was possible.
    static var allCases: [Implementation] {
        [.native, .images, .crun, .runc, .composed, .simulated] + (DockerStage.socket == nil ? [] : [.docker])
    }

    var testDescription: String { rawValue }

    /// Whether a process that joins finds its terminal with the size that was asked for. The engine's API can set it
    /// only afterwards.
    var terminalHasSizeAtFirst: Bool { self != .docker }

    func stage() async throws -> any Stage {
        switch self {
        case .native: try NativeStage()
        case .images: try NativeStage(form: .image)
        case .crun: try NativeStage(runtime: "crun")
        case .runc: try NativeStage(runtime: "runc")
        case .composed: try ComposedStage()
        case .docker: try DockerStage()
        case .simulated: try SimulatedStage()
        }
    }
}

/// An installation of one containerizer, of this test's own, and what to launch on it.
protocol Stage: AnyObject, Sendable {
    var containerizer: any Containerizer { get }
    /// busybox as an image of that containerizer.
    var image: ContainerLaunch.Root { get }
    /// An empty directory of the host.
    var directory: String { get }
    /// Whether a container whose process was `process` has ended, for whoever is asked for it when the agent recovers.
    func hasEnded(_ id: ContainerID, _ process: Int32) async throws -> Bool
    /// Lets go of the containerizer and makes another, as a restart of the agent does. It has not recovered yet.
    func restart() async throws
    func end() async throws
}

extension Implementation {
    /// Runs `body` on a stage and cleans up after it.
    func run(_ body: (any Stage) async throws -> Void) async throws {
        let stage = try await stage()
        _ = try await stage.containerizer.recover([])
        do { try await body(stage) } catch {
            try await stage.end()
            throw error
        }
        try await stage.end()
    }
}

extension Stage {
    func hasEnded(_ id: ContainerID, _ process: Int32) async throws -> Bool { !HostFacts.exists("/proc/\(process)") }

    func launch(
        _ program: ContainerLaunch.Program, _ change: (inout ContainerLaunch) -> Void = { _ in }
    ) -> ContainerLaunch {
        var launch = ContainerLaunch(id: ContainerID(number: KernelRandom.number()), root: image, program: program)
        launch.limits.pids = nil
        change(&launch)
        return launch
    }

    func script(_ line: String, _ change: (inout ContainerLaunch) -> Void = { _ in }) -> ContainerLaunch {
        launch(.shell(line), change)
    }

    /// Launches, and must succeed.
    func started(
        _ line: String, _ change: (inout ContainerLaunch) -> Void = { _ in }
    ) async throws -> ContainerLaunch {
        let launch = script(line, change)
        #expect(try await containerizer.launch(launch) == .launched)
        return launch
    }

    /// Launches with output files and runs to the end.
    func outcome(
        _ launch: ContainerLaunch
    ) async throws -> (exit: ContainerExit?, output: String, error: String) {
        var launch = launch
        launch.output = OutputFile(path: "\(directory)/\(launch.id).out")
        launch.error = OutputFile(path: "\(directory)/\(launch.id).err")
        #expect(try await containerizer.launch(launch) == .launched)
        let exit = try await containerizer.wait(launch.id)
        return (exit, try text(launch.output), try text(launch.error))
    }

    func text(_ file: OutputFile?) throws -> String {
        guard let path = file?.path, HostFacts.exists(path) else { return "" }
        return String(decoding: try OwnedDescriptor.open(RawPath(path)).readAll(limit: 64 << 20), as: UTF8.self)
    }
}

extension ContainerSession {
    /// Everything until the end.
    func rest() async throws -> (output: String, error: String) {
        var (output, error): ([UInt8], [UInt8]) = ([], [])
        while let piece = try await read() {
            switch piece {
            case .output(let bytes): output += bytes
            case .error(let bytes): error += bytes
            }
        }
        return (String(decoding: output, as: UTF8.self), String(decoding: error, as: UTF8.self))
    }

    /// Reads until the output holds `text`.
    func read(until text: String) async throws -> String {
        var all: [UInt8] = []
        while !String(decoding: all, as: UTF8.self).contains(text) {
            guard let piece = try await read() else { break }
            switch piece {
            case .output(let bytes), .error(let bytes): all += bytes
            }
        }
        return String(decoding: all, as: UTF8.self)
    }
}
