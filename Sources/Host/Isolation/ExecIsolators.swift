import Containers
public import Diagnostics
public import LaunchPlanning

/// The plan of a process that joins a running container: the same walls by the same code, in the namespaces that are
/// already there.
public enum ExecPlan {
    /// SIGHUP
    private static let hangUp: UInt32 = 1

    /// `init` is the container's first process as the host numbers it. `context.request.process` is the new process.
    /// `endsWithCaller`: when the thread that starts it ends, which is when its program does, the process is told that
    /// its line has been hung up.
    public static func build(
        _ context: LaunchContext, joining process: Int32, endsWithCaller: Bool = false
    ) throws(Failure) -> LaunchPlan {
        var joining = PlanContribution(isolator: "namespaces")
        joining.inControlGroup = context.host.groups.mountPoint != nil
        joining.open("container", .containerProcess)
        joining.open("pid-namespace", .namespace(path: "/proc/\(process)/ns/pid_for_children"))
        var shared: NamespaceSet = [.user, .mount, .ipc, .uts, .cgroup, .network]
        if context.host.ability(.timeNamespaces).state == .enforced { shared.insert(.time) }
        // The pid namespace first, while the host's root may still enter it; a monitor stays outside either way.
        joining.add(.join("pid-namespace", types: .pid), at: .join)
        joining.add(.join("container", types: shared), at: .join)
        joining.add(.becomeRoot, at: .becomeRoot)
        // The monitor outside gets the signal and passes it on.
        joining.add(.beginSession(parentDeathSignal: endsWithCaller ? hangUp : 0), at: .session)
        joining.add(.setUmask(0o022), at: .session)
        joining.add(.newKeyring, at: .identity)

        var streams = PlanContribution(isolator: "process")
        ProcessIsolator.openSinks(&streams)
        streams.add(
            .divide(
                Division(
                    isInit: false, pumps: true, hasTerminal: context.request.process.terminal != nil, exitRecord: nil,
                    logs: [], logBytesMax: 0, outputSink: "output", errorSink: "error",
                    initFilter: try context.filters.initFilter())),
            at: .divide)
        try ProcessIsolator.add(context.request.process, to: &streams)

        var filter = PlanContribution(isolator: "seccomp")
        try SeccompIsolator.add(context, to: &filter)
        return try PlanBuilder.build([
            joining, try ResourceLimitIsolator().prepare(context), streams,
            try SecurityLabelIsolator().prepare(context), try AppArmorIsolator().prepare(context),
            try CredentialIsolator().prepare(context), try PrivilegeIsolator().prepare(context),
            try LandlockIsolator().prepare(context), filter,
        ])
    }
}
