public import Containers
public import Diagnostics
import Isolation
import LaunchPlanning
public import LinuxKernel
public import NativeContainerizer
import OCIFormat

/// An OCI runtime's program (crun, runc and others of the same command line) that makes our containers.
///
/// The runtime makes namespaces, mounts and devices from a bundle with the same defaults as ours. In the container runs
/// our launcher, so output, limits, exit record, exec and recovery are the native runtime's: Docs/Decisions/0041.
public struct OCIRuntime: ContainerStarter {
    /// Where our launcher is seen in the container.
    static let launcherTarget = "/dev/.bulkhead-init"
    /// How long one run of the program may take before it is killed: whoever else wants the container waits for it.
    static let seconds = 60.0
    public let program: String
    /// Directory of bundles and of the runtime's own state, one installation's.
    let directory: String
    let version: RuntimeVersion

    /// `program` is a path or a name that is found in the usual places.
    /// - Throws: `runtime.not-found`, `runtime.unusable`.
    public init(program: String, places: Places) throws(Failure) {
        self.program = try Self.find(program)
        directory = places.volatile + "/oci"
        version = try RuntimeVersion(of: self.program)
    }

    private static func find(_ program: String) throws(Failure) -> String {
        let places = program.has("/") ? [""] : ["/usr/local/sbin/", "/usr/local/bin/", "/usr/sbin/", "/usr/bin/"]
        if let found = places.map({ $0 + program }).first(where: HostFacts.exists) { return found }
        throw Failure(
            "runtime.not-found", doing: "find the OCI runtime", on: program, cause: "it is not on this host",
            remedy: "install it: apt-get install \(program)", field: "containerizers")
    }

    func bundle(_ id: ContainerID) -> String { "\(directory)/\(id.text)" }
    private var state: String { directory + "/state" }
    private func log(_ id: ContainerID) -> String { bundle(id) + "/runtime.log" }
    private func processFile(_ id: ContainerID) -> String { bundle(id) + "/pid" }

    public func check(_ request: ContainerRequest) throws(Failure) {
        let isolation = request.isolation
        let problem: String? =
            !isolation.devices.isEmpty
            ? "it would make device nodes of its own finding"
            : isolation.procView == .processes
                ? "it cannot show processes alone"
                : isolation.emulated?.isEmpty == false
                    ? "no call in it can be answered for it"
                    : isolation.domainname != nil ? "it knows no domain name" : nil
        let other: String? =
            request.isolation.sharesWithContainer
            ? "it cannot share another container's network"
            : request.holdsOnly == true
                ? "it needs a task"
                : !(request.secrets ?? []).isEmpty ? "it has nowhere to put secrets"
                : isolation.mountLabel != nil ? "it would label some of the container's files, and not all"
                : !request.isolation.hasInit ? "it needs our init" : nil
        guard let problem = problem ?? other else { return }
        throw Failure(
            "runtime.not-supported", doing: "run the container with \(program)", on: request.id.text, cause: problem,
            remedy: "let the native runtime run it: --containerizers native")
    }

    // MARK: Start

    public func start(_ order: StartOrder) throws(Failure) -> ProcessHandle {
        let id = order.context.request.id
        let bundle = Bundle(order.context, launcherPath: order.launcherPath, path: bundle(id))
        try bundle.write()
        try making(state) { () throws(KernelError) in try Directories.makeAll(state, mode: 0o700) }
        let end = try order.carryOut(
            bundle.outerPlan(
                executing: words(runningIn: bundle, id),
                hidingGroups: version.name == "crun" && order.context.host.groups.kind == .hybrid),
            within: Self.seconds)
        guard end == .exited(0) else { throw refusal(id, end) }
        do throws(KernelError) {
            let text = try TextFile.read(processFile(id), limit: 32)
            guard let number = Int32(text.filter(\.isNumber)) else {
                throw KernelError(call: "understand the process id", on: text, errno: Errno.invalid)
            }
            return try ProcessHandle.open(number)
        } catch {
            throw error.failure("launch.lost", doing: "find the process that \(program) has made")
        }
    }

    private func words(runningIn bundle: Bundle, _ id: ContainerID) -> [String] {
        [program] + version.groupFlags + ["--root", state, "--log", log(id), "--log-format", "json", "run", "--detach"]
            + ["--preserve-fds", "2", "--bundle", bundle.path, "--pid-file", processFile(id), id.text]
    }

    /// What the runtime itself says is the cause; its log holds a JSON object a line.
    private func refusal(_ id: ContainerID, _ end: ProcessEnd) -> Failure {
        var said = "\(end)"
        do throws(KernelError) {
            let text = try TextFile.read(log(id), limit: 1 << 20)
            let last = text.cut(at: "\n").last { $0.contains("error") } ?? text.cut(at: "\n").last
            if let last { said = String(decoding: last.utf8.prefix(600), as: UTF8.self) }
        } catch { said += ", without a log: \(error)" }
        return Failure(
            "runtime.refused", doing: "make the container with \(program)", on: id.text, cause: said,
            remedy: "see that \(program) works on this host, or let the native runtime run it")
    }

    private func making(_ path: String, _ body: () throws(KernelError) -> Void) throws(Failure) {
        do throws(KernelError) { try body() } catch {
            throw error.failure("state.unwritable", doing: "make the bundle of the container", on: path)
        }
    }

    // MARK: The end

    public func cleanUp(_ id: ContainerID) throws(Failure) {
        guard HostFacts.exists(bundle(id)) else { return }
        if HostFacts.exists("\(state)/\(id.text)") { try delete(id) }
        try making(bundle(id)) { () throws(KernelError) in try TreeRemoval.remove(bundle(id)) }
    }

    private func delete(_ id: ContainerID) throws(Failure) {
        do throws(KernelError) {
            let process = try ToolProcess.start(
                program, version.groupFlags + ["--root", state, "delete", "--force", id.text],
                environment: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"], descriptors: [nil, nil, nil])
            guard try process.reap(within: Self.seconds) != .exited(0), HostFacts.exists("\(state)/\(id.text)")
            else { return }
        } catch {
            let isSlow = error.errno == Errno.timedOut
            throw error.failure(
                "runtime.cannot-delete", doing: "have \(program) delete the container", on: id.text,
                remedy: isSlow ? "it took more than \(Int(Self.seconds)) s; see what it waits for" : nil,
                retry: isSlow ? .later : .never)
        }
        throw Failure(
            "runtime.cannot-delete", doing: "have \(program) delete the container", on: id.text,
            cause: "it failed", remedy: "\(program) --root \(state) delete --force \(id.text)", retry: .later)
    }
}

/// Which runtime a program is, by its own words.
struct RuntimeVersion: Sendable, Equatable {
    var name: String

    init(of program: String) throws(Failure) {
        let said: String
        do throws(KernelError) {
            let pipe = try OwnedDescriptor.pipe()
            let end = try Self.ask(program, pipe.write)
            guard end == .exited(0) else { throw KernelError(call: "--version", on: program, errno: Errno.invalid) }
            said = String(decoding: try pipe.read.readBounded(4_096), as: UTF8.self)
        } catch {
            throw error.failure(
                "runtime.unusable", doing: "ask the OCI runtime for its version", on: program,
                remedy: "name a program with runc's command line")
        }
        name = said.split(whereSeparator: \.isWhitespace).first.map(String.init) ?? program
    }

    private static func ask(_ program: String, _ output: OwnedDescriptor) throws(KernelError) -> ProcessEnd {
        try ToolProcess.start(program, ["--version"], descriptors: [nil, output, nil])
            .reap(within: OCIRuntime.seconds)
    }

    /// Limits and use are our own cgroup's, which the process is put into before it is released. crun can be told to
    /// leave cgroups alone, and must be where version 1 is mounted too.
    var groupFlags: [String] { name == "crun" ? ["--cgroup-manager", "disabled"] : [] }
}

extension OwnedDescriptor {
    /// What is in a pipe now, whose writer has ended.
    fileprivate func readBounded(_ limit: Int) throws(KernelError) -> [UInt8] {
        guard try waitReadable(milliseconds: 0) else { return [] }
        var bytes = [UInt8](repeating: 0, count: limit)
        var count = 0
        var failure: KernelError?
        bytes.withUnsafeMutableBytes { buffer in
            do throws(KernelError) { count = try read(into: buffer) } catch { failure = error }
        }
        if let failure { throw failure }
        return Array(bytes[..<count])
    }
}
