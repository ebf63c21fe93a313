import Diagnostics
import LinuxKernel
import RuntimeSpec

/// Hooks that run in the runtime's own namespaces: prestart, createRuntime, poststart, poststop.
enum HookRunner {
    /// Runs them in order; the first that fails ends it.
    static func run(_ hooks: [HookSpec], point: String, state: RuntimeState) throws(Failure) {
        for (index, hook) in hooks.enumerated() {
            let fault: String?
            do throws(KernelError) { fault = try self.fault(of: hook, point, state: state) } catch {
                fault = error.description
            }
            guard let cause = fault.map({ "error running \(point) hook #\(index): \($0)" }) else { continue }
            throw Failure(
                "bundle.hook-failed", doing: "run the \(point) hook", on: hook.path, cause: cause,
                field: "hooks.\(point)")
        }
    }

    /// Runs it to its end; nil when it ended well.
    private static func fault(of hook: HookSpec, _ point: String, state: RuntimeState) throws(KernelError) -> String? {
        let input = try OwnedDescriptor.memoryFile("bulkhead-state")
        try input.write(state.document.text)
        try input.seek(to: 0)
        let output = try OwnedDescriptor.standardStream(1)
        let errors = try OwnedDescriptor.standardStream(2)
        let process = try ToolProcess.start(
            hook.path, Array(hook.arguments.dropFirst()), named: hook.arguments.first,
            environment: hook.environment ?? ProcessEnvironment.all(), descriptors: [input, output, errors])
        // Not past what a number holds: that would be a short time, or none.
        let milliseconds = Int32(clamping: min(hook.timeout ?? 0, Int64(Int32.max)) * 1_000)
        guard try process.waitForEnd(milliseconds: milliseconds > 0 ? milliseconds : -1) else {
            try process.signal(SignalNumber.kill)
            _ = try process.reap()
            return "the \(point) hook was still running after \(hook.timeout ?? 0) s"
        }
        return switch try process.reap() {
        case .exited(0): nil
        case .exited(let status): "the \(point) hook failed with exit code \(status)"
        case .signaled(let number): "the \(point) hook was ended by signal \(number)"
        }
    }
}
