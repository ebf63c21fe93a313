public import Diagnostics

/// What the launcher sent: `struct bh_report` of `Sources/Launcher/include/plan.h`.
public struct LauncherReport: Equatable, Sendable {
    public enum Kind: UInt32, Sendable {
        case failed = 1
        /// The packet carries the terminal's master.
        case terminal = 2
        /// Everything is done up to the wait for being started.
        case created = 3
        /// `detail` is the number the filter's listener will have; the packet carries a memory file of one word, 0 and
        /// then one of `ListenerWord`.
        case listener = 4
        /// The packet carries a pidfd of the process that the report `listener`, which follows, is about.
        case process = 5
    }
    /// `BH_LISTENER_*`
    public enum ListenerWord {
        public static let ready: UInt32 = 1
        public static let taken: UInt32 = 2
        /// Beside an errno.
        public static let failed: UInt32 = 0x8000_0000
    }
    /// Where inside a step the kernel refused, `BH_PART_*`.
    public enum Part: UInt32, CaseIterable, Sendable {
        case whole, resolve, create, open, configure, attributes, attach, verify, detach, write, status, copy
    }
    public static let byteCount = 16
    static let decodeStep: UInt32 = 0xffff_fffe
    static let releaseStep: UInt32 = 0xffff_fffd

    public var kind: Kind
    public var step: UInt32
    public var error: Int32
    public var detail: UInt32

    public init(kind: Kind, step: UInt32, error: Int32, detail: UInt32) {
        self.kind = kind
        self.step = step
        self.error = error
        self.detail = detail
    }

    /// - Throws: `Failure` `launch.report-malformed` when `bytes` is not one whole report.
    public init(bytes: [UInt8]) throws(Failure) {
        func number(_ index: Int) -> UInt32 {
            bytes[index * 4..<index * 4 + 4].reversed().reduce(0) { $0 << 8 | UInt32($1) }
        }
        guard bytes.count == Self.byteCount, let kind = Kind(rawValue: number(0)) else {
            throw Failure(
                "launch.report-malformed", doing: "read the launcher's report",
                cause: "it has \(bytes.count) bytes or an unknown kind")
        }
        self.init(kind: kind, step: number(1), error: Int32(bitPattern: number(2)), detail: number(3))
    }

    /// Why the task could not be started, in terms of `plan`, the plan the launcher was given.
    public func failure(in plan: LaunchPlan) -> Failure {
        if step == Self.decodeStep {
            return Failure(
                "launch.plan-refused", doing: "start the container",
                cause: "the launcher refused the plan at step \(detail): \(ErrnoName.described(error))",
                remedy: "use the launcher that was built together with this program")
        }
        guard step != Self.releaseStep, plan.steps.indices.contains(Int(step)) else {
            return Failure(
                "launch.not-released", doing: "start the container",
                cause: "the launcher was not released properly: \(ErrnoName.described(error))")
        }
        return failure(of: plan.steps[Int(step)], in: plan)
    }

    /// One sentence: which step of which isolator failed, where in it, and with what error.
    public func sentence(in plan: LaunchPlan) -> String { failure(in: plan).description }

    /// What SELinux has the program run under.
    private static func label(_ plan: LaunchPlan) -> String? {
        for case .setLabel("attr/exec", let label) in plan.steps.lazy.map(\.step) { return label }
        return nil
    }

    /// ENOENT of execve(2) is about the program, or about what it is run by, and does not say which.
    private static func remedy(missing program: String) -> String {
        program.has("/")
            ? "name a program of the image; if it is there, its interpreter is not: what its #! line or its ELF header "
                + "names"
            : "name a program of the image, by its full path if it is not in PATH"
    }

    private func failure(of planned: PlannedStep, in plan: LaunchPlan) -> Failure {
        let part = Part(rawValue: detail) ?? .whole
        let answer = "the kernel answered \(ErrnoName.described(error))" + part.clause
        let place = "step \(step) of isolator \(planned.isolator)"
        switch (planned.step, error) {
        case (.execute(let arguments, _), ErrnoNumber.noEntry):
            return Failure(
                "launch.program-not-found", doing: "execute", on: arguments.first, cause: ErrnoName.described(error),
                remedy: Self.remedy(missing: arguments.first ?? ""))
        case (.execute(let arguments, _), _):
            return Failure(
                "launch.program-not-executable", doing: "execute", on: arguments.first,
                cause: ErrnoName.described(error), remedy: ErrnoNumber.executeRemedy(error, under: Self.label(plan)))
        case (.findProgram(let arguments, _), ErrnoNumber.accessDenied):
            return Failure(
                "launch.program-not-executable", doing: "execute", on: arguments.first,
                cause: ErrnoName.described(error), remedy: ErrnoNumber.executeRemedy(error, under: nil))
        case (.findProgram(let arguments, _), _):
            return Failure(
                "launch.program-not-found", doing: "execute", on: arguments.first, cause: ErrnoName.described(error),
                remedy: "name a program of the root file system, by its full path if it is not in PATH")
        case (.runHook(let hook), _) where part == .status:
            return Failure(
                "launch.hook-failed", doing: "run the hook", on: hook.program,
                cause: "error running \(hook.title): "
                    + (error & 0x7f == 0
                        ? "it ended with status \(error >> 8 & 0xff)" : "signal \(error & 0x7f) ended it"))
        case (.workingDirectory(let path), _) where part == .open:
            return Failure(
                "launch.working-directory", doing: "change to the working directory", on: path,
                cause: ErrnoName.described(error), remedy: "choose a directory the task's user can enter")
        default:
            return Failure(
                "launch.step-failed", doing: plan.sentence(for: planned.step), cause: "\(answer) (\(place))",
                remedy: ErrnoNumber.remedy(error, part))
        }
    }
}

extension LauncherReport.Part {
    /// The end of "the kernel answered …".
    fileprivate var clause: String {
        switch self {
        case .whole: ""
        case .resolve: " when the target was looked up"
        case .create: " when the target was created"
        case .open: " when it was opened"
        case .configure: " when it was configured"
        case .attributes: " when its attributes were set"
        case .attach: " when it was attached"
        case .verify: " when the result was checked"
        case .detach: " when the old root was detached"
        case .write: " when the value was written"
        case .status: " as its status"
        case .copy: " when what is there was copied"
        }
    }
}

/// The error numbers that have a remedy of their own.
private enum ErrnoNumber {
    private static let notPermitted: Int32 = 1
    static let noEntry: Int32 = 2
    private static let tooBig: Int32 = 7
    private static let noExecutable: Int32 = 8
    static let accessDenied: Int32 = 13
    private static let notDirectory: Int32 = 20
    private static let isDirectory: Int32 = 21
    private static let readOnlyFilesystem: Int32 = 30
    private static let tooManyLinks: Int32 = 40

    static func executeRemedy(_ error: Int32, under label: String?) -> String? {
        switch error {
        case accessDenied where label != nil, notPermitted where label != nil:
            "the file must be executable for the task's user, not on a noexec mount, and SELinux must allow "
                + "\(label ?? "") to be entered by it, from the launcher's domain, under no_new_privs and on a nosuid "
                + "mount: `ausearch -m avc` says what was denied"
        case tooBig: "shorten arguments or environment: together at most a quarter of the stack limit, each 128 KiB"
        case noExecutable: "use an image for this machine's architecture; a script needs a first line with #!"
        case accessDenied: "the file must be executable for the task's user, and not on a noexec mount"
        default: nil
        }
    }

    static func remedy(_ error: Int32, _ part: LauncherReport.Part) -> String? {
        switch (error, part) {
        case (tooManyLinks, .resolve), (tooManyLinks, .create):
            "the image has a symbolic link where none may be"
        case (notDirectory, .verify): "the image has something else where a directory must be"
        case (isDirectory, .verify): "the image has a directory where a file must be"
        case (readOnlyFilesystem, .create):
            "its place is missing in what is mounted read-only above it: make it there first, or mount that without ro"
        default: nil
        }
    }
}
