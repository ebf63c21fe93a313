public import Diagnostics
public import LaunchPlanning
public import LinuxKernel

/// Takes the listener of a filter from the launcher, which from its filter on makes no system call until it is told
/// that the listener has been taken: any call might be one that the filter hands over.
public struct ListenerHandover: Sendable {
    private static let patience = 10.0  // seconds
    private var process: ProcessHandle?

    public init() {}

    /// Hears a report and what came with it. One that is about a listener ends with `give` having got it; when that
    /// throws, the launcher is left waiting and must be ended.
    public mutating func hear(
        _ report: LauncherReport, _ descriptor: OwnedDescriptor?, _ give: (OwnedDescriptor) throws(Failure) -> Void
    ) throws(Failure) {
        guard let descriptor else { return }
        if report.kind == .process { process = ProcessHandle(id: 0, descriptor: descriptor) }
        guard report.kind == .listener else { return }
        try give(try take(report, descriptor))
        do throws(KernelError) { try write(LauncherReport.ListenerWord.taken, to: descriptor) } catch {
            throw Self.failed(error)
        }
    }

    private func take(_ report: LauncherReport, _ word: OwnedDescriptor) throws(Failure) -> OwnedDescriptor {
        do throws(KernelError) {
            guard let process else { throw KernelError(call: "report the process first", errno: Errno.noProcess) }
            try awaitListener(word)
            return try process.descriptor(Int32(bitPattern: report.detail))
        } catch {
            throw Self.failed(error)
        }
    }

    private static func failed(_ error: KernelError) -> Failure {
        error.failure("launch.no-listener", doing: "take the listener of the container's filter")
    }

    private func awaitListener(_ word: OwnedDescriptor) throws(KernelError) {
        let deadline = Deadline(seconds: Self.patience)
        while true {
            let bytes = try word.readBytes(4, at: 0)
            let value = bytes.reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            if value == LauncherReport.ListenerWord.ready { return }
            if value & LauncherReport.ListenerWord.failed != 0 {
                throw KernelError(call: "seccomp", errno: Int32(value & ~LauncherReport.ListenerWord.failed))
            }
            try deadline.pause("the filter to be installed")
        }
    }

    private func write(_ value: UInt32, to word: OwnedDescriptor) throws(KernelError) {
        try word.seek(to: 0)
        try word.write((0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * UInt32($0))) })
    }
}
