public import Containers
public import Diagnostics
public import Isolation
public import LaunchPlanning
public import LinuxKernel
import Snapshots

/// Somebody else's program that makes a container's namespaces, mounts and devices, in place of our own clone and plan.
/// What runs in it is our launcher all the same: it waits for the release, becomes the init that keeps the output and
/// writes down the end, and puts the task behind its filter.
public protocol ContainerStarter: Sendable {
    /// Refuses what this program cannot do, before anything exists.
    func check(_ request: ContainerRequest) throws(Failure)
    /// Makes the container with the launcher as its first process, holding, and gives that process.
    func start(_ order: StartOrder) throws(Failure) -> ProcessHandle
    /// Removes what the program and `start` left. Finding nothing is fine.
    func cleanUp(_ id: ContainerID) throws(Failure)
}

/// What a starter works with.
public struct StartOrder: Sendable {
    public var context: LaunchContext
    /// Host path of our launcher, to be shown in the container.
    public var launcherPath: String
    /// What the launcher has as its descriptors 3 and 4: the sealed plan of what it does inside, and its end of the
    /// socket to us.
    public var plan: OwnedDescriptor
    public var socket: OwnedDescriptor
    let opener: DescriptorOpener
    /// One that only says how ids are mapped.
    let mapping: OwnedDescriptor?
    let launcher: LauncherImage

    /// Carries out a plan on the host, in a mount namespace of its own that ends with it, and waits. The plan's
    /// descriptors `.stream(3)` and `.stream(4)` are `plan` and `socket`; trees are mapped to the container's ids.
    /// The container is locked meanwhile: a program that runs for longer than `seconds` is killed, which is a failure.
    public func carryOut(_ outer: LaunchPlan, within seconds: Double) throws(Failure) -> ProcessEnd {
        let held = try HeldProcess.spawn(outer, launcher: launcher, group: nil)
        do throws(Failure) {
            try held.release(with: opener, plan: outer, userNamespace: mapping)
            _ = try held.awaitStart(outer)
        } catch {
            throw held.abandoned(error)
        }
        do throws(KernelError) { return try held.process.reap(within: seconds) } catch {
            let isSlow = error.errno == Errno.timedOut
            throw error.failure(
                isSlow ? "runtime.too-slow" : "launch.lost", doing: "wait for the program that makes the container",
                remedy: isSlow ? "it took more than \(Int(seconds)) s; see what it waits for" : nil,
                retry: isSlow ? .later : .never)
        }
    }
}

extension NativeContainerizer {
    /// The steps that are left for the launcher when somebody else has made the container around it.
    func innerPlan(_ context: LaunchContext) throws(Failure) -> LaunchPlan {
        var session = PlanContribution(isolator: "session")
        session.add(.beginSession(parentDeathSignal: 0), at: .session)
        session.add(.setUmask(0o022), at: .session)
        session.add(.newKeyring, at: .identity)
        _ = try ControlGroupIsolator().prepare(context)
        let isolators: [any Isolator] = [
            ResourceLimitIsolator(), ProcessIsolator(), SecurityLabelIsolator(), AppArmorIsolator(),
            CredentialIsolator(), PrivilegeIsolator(), LandlockIsolator(), SeccompIsolator(),
        ]
        var contributions = [session]
        for isolator in isolators { contributions.append(try isolator.prepare(context)) }
        return try PlanBuilder.build(contributions)
    }

    /// The container made by `starter`, its first process waiting for our word as after a launch of our own. `file` is
    /// the plan of what is left to the launcher.
    func spawn(
        through starter: any ContainerStarter, _ context: LaunchContext, _ file: OwnedDescriptor
    ) throws(Failure) -> HeldProcess {
        let launcher = try LauncherImage(path: launcherPath)
        let (ours, theirs): (OwnedDescriptor, OwnedDescriptor)
        do throws(KernelError) { (ours, theirs) = try OwnedDescriptor.packetPair() } catch {
            throw error.failure("launch.cannot-spawn", doing: "prepare the container's first process")
        }
        let opener = DescriptorOpener(
            places: places, identities: context.request.isolation.identities, group: nil, exitRecord: "", logs: [],
            streams: [3: file, 4: theirs], process: nil)
        let process = try starter.start(
            StartOrder(
                context: context, launcherPath: launcherPath, plan: file, socket: theirs, opener: opener,
                mapping: try mapping(context.request.isolation.identities, launcher), launcher: launcher))
        return HeldProcess(process: process, control: ours, isChild: false)
    }

    /// A user namespace that only says how ids are mapped: the container's own does not exist yet when its mounts are
    /// made. It lives as long as its descriptor.
    private func mapping(_ range: IdentityRange, _ launcher: LauncherImage) throws(Failure) -> OwnedDescriptor? {
        let map = [range.mapping]
        let plan = LaunchPlan(
            spawn: SpawnOptions(namespaces: .user, userMap: map, groupMap: map, inControlGroup: false),
            descriptors: [:],
            steps: [
                PlannedStep(stage: .execute, isolator: "", step: .execute(arguments: ["none"], environment: []))
            ])
        let held = try HeldProcess.spawn(plan, launcher: launcher, group: nil)
        do throws(Failure) {
            try held.writeIdentityMaps(plan.spawn)
            let namespace = try held.userNamespace()
            try held.dismissed()
            return namespace
        } catch {
            throw held.abandoned(error)
        }
    }

    /// Puts a process somebody else has made into the container's cgroup, where limits, use and the freezer are.
    func enterGroup(_ process: ProcessHandle, _ id: ContainerID) throws(Failure) {
        guard let group = ControlGroup(id, host: host) else { return }
        do throws(KernelError) { try TextFile.write("\(process.id)", to: group.path + "/cgroup.procs") } catch {
            throw error.failure("cgroup.cannot-create", doing: "put the container into its cgroup", on: group.path)
        }
    }
}
