public import Diagnostics
public import LaunchPlanning
import RuntimeSpec

/// The hooks inside, the wait for `start`, and the program.
public struct BundleStart: BundleContributor {
    /// Below the container's directory; there as long as the container waits.
    public static let socketName = "start"

    public init() {}

    public func contribute(_ context: BundleContext) throws(Failure) -> PlanContribution {
        var contribution = PlanContribution(isolator: "start")
        let hooks = context.configuration.hooks
        if context.joined == nil {
            try add(hooks.createContainer, of: "createContainer", [], at: .hooks, to: &contribution)
        }
        // A container that cannot be started has no program either; what stands here is never reached.
        let arguments = context.process?.arguments ?? []
        guard context.process == nil || arguments.first?.isEmpty == false else {
            throw SpecObject.refusal("process.args", "there is no program to execute")
        }
        var environment = Self.settled(context.process?.environment ?? [])
        environment.removeAll { $0 == "HOME=" }
        if let uid = context.process?.user.uid, !environment.contains(where: { $0.begins(with: "HOME=") }) {
            environment.append("HOME=\(context.home(uid))")
        }
        if context.options.listening > 0 {
            environment += ["LISTEN_FDS=\(context.options.listening)", "LISTEN_PID=1"]
        }
        contribution.add(.enterDirectory(context.process?.workingDirectory ?? "/"), at: .terminal)
        contribution.add(.workingDirectory(context.process?.workingDirectory ?? "/"), at: .workingDirectory)
        if context.process != nil {
            contribution.add(.findProgram(arguments: arguments, environment: environment), at: .hold)
        }
        if context.joined == nil {
            contribution.open("start", .startSocket)
            contribution.add(.awaitStart(listener: "start"), at: .hold)
            try add(hooks.startContainer, of: "startContainer", environment, at: .hold, to: &contribution)
        }
        contribution.add(
            .execute(arguments: arguments.isEmpty ? ["none"] : arguments, environment: environment), at: .execute)
        return contribution
    }

    /// A program finds the first of two variables with one name, and the last is meant.
    static func settled(_ environment: [String]) -> [String] {
        var names: Set<Substring> = []
        let kept = environment.reversed().filter { text in
            names.insert(Substring(text.utf8.prefix { $0 != UInt8(ascii: "=") })).inserted
        }
        return kept.reversed()
    }

    private func add(
        _ hooks: [HookSpec], of point: String, _ environment: [String], at stage: Stage,
        to contribution: inout PlanContribution
    ) throws(Failure) {
        for (index, hook) in hooks.enumerated() {
            contribution.open("state", .memory(name: "state", stage: "created"))
            let seconds = UInt64(clamping: hook.timeout ?? 0)
            contribution.add(
                .runHook(
                    HookRequest(
                        title: "\(point) hook #\(index)", program: hook.path,
                        arguments: hook.arguments.isEmpty ? [hook.path] : hook.arguments,
                        environment: hook.environment ?? environment, state: "state",
                        milliseconds: UInt32(clamping: min(seconds, 2_000_000) * 1_000))),
                at: stage)
        }
    }
}
