import Diagnostics
import LinuxKernel
import RuntimeSpec

/// Hooks that run in the runtime's own namespaces: prestart, createRuntime, poststart, poststop.
enum HookRunner {
    /// Runs them in order; the first that fails ends it.
    static func run(_ hooks: [HookSpec], point: String, state: RuntimeState) throws(Failure) {
        for hook in hooks {
            do throws(KernelError) { try run(hook, state: state) } catch {
                throw Failure(
                    "bundle.hook-failed", doing: "run the \(point) hook", on: hook.path, cause: error.description,
                    field: "hooks.\(point)")
            }
        }
    }

    private static func run(_ hook: HookSpec, state: RuntimeState) throws(KernelError) {
        let input = try OwnedDescriptor.memoryFile("bulkhead-state")
        try input.write(state.document.text)
        try input.seek(to: 0)
        let output = try OwnedDescriptor.standardStream(1)
        let errors = try OwnedDescriptor.standardStream(2)
        let process = try ToolProcess.start(
            hook.path, Array(hook.arguments.dropFirst()), named: hook.arguments.first,
            environment: hook.environment ?? ProcessEnvironment.all(), descriptors: [input, output, errors])
        let milliseconds = Int32(clamping: (hook.timeout ?? 0).multipliedReportingOverflow(by: 1_000).partialValue)
        guard try process.waitForEnd(milliseconds: milliseconds > 0 ? milliseconds : -1) else {
            try process.signal(SignalNumber.kill)
            _ = try process.reap()
            throw KernelError(call: "wait", on: hook.path, errno: Errno.timedOut)
        }
        switch try process.reap() {
        case .exited(0): return
        case .exited(let status): throw KernelError(call: "it ended with status \(status): run", errno: Errno.canceled)
        case .signaled(let number): throw KernelError(call: "signal \(number) ended it: run", errno: Errno.canceled)
        }
    }
}
