import Diagnostics
import Emulation
import Isolation
import LaunchPlanning
import LinuxKernel

/// The launcher after clone and exec: in its namespaces and its cgroup, waiting for our word.
struct HeldProcess: Sendable {
    let process: ProcessHandle
    /// Our end of the socket: the release goes out, reports come in.
    let control: OwnedDescriptor
    /// One that is not can be signalled and waited for, not reaped.
    var isChild = true
    /// It was born in a user namespace whose maps were written before.
    var isMapped = false
    /// It cannot be killed for memory until `raiseLimits`, which must come before its release.
    var isSpared = false

    /// `isInhabited`: others run in `group`, or in one above it. See `isSpared`.
    static func spawn(
        _ plan: LaunchPlan, launcher: LauncherImage, group: ControlGroup?, isInhabited: Bool = false
    ) throws(Failure) -> HeldProcess {
        try spawn(
            plan, try encoded(plan), launcher: launcher, group: group, joining: nil, isInhabited: isInhabited)
    }

    /// The plan as the launcher reads it, in memory that nobody can change any more.
    static func encoded(_ plan: LaunchPlan) throws(Failure) -> OwnedDescriptor {
        let bytes = try PlanEncoder.encode(plan)
        do throws(KernelError) {
            let file = try OwnedDescriptor.memoryFile("bulkhead-plan")
            try file.write(bytes)
            try file.seal()
            try file.seek(to: 0)
            return file
        } catch {
            throw error.failure("launch.cannot-spawn", doing: "write down the launch's plan")
        }
    }

    /// `file` is `plan`, encoded. Of its namespaces those that are `prepared` are not made.
    static func spawn(
        _ plan: LaunchPlan, _ file: OwnedDescriptor, launcher: LauncherImage, group: ControlGroup?,
        joining other: ProcessHandle?, prepared: HeldNamespaces? = nil, isInhabited: Bool = false
    ) throws(Failure) -> HeldProcess {
        let directory: OwnedDescriptor? = plan.spawn.inControlGroup ? try group?.openForSpawn() : nil
        let isSpared = isInhabited && directory != nil
        do throws(KernelError) {
            let (ours, theirs) = try OwnedDescriptor.packetPair()
            let process = try LauncherProcess.start(
                launcher: launcher.descriptor,
                flags: plan.spawn.namespaces.rawValue & ~(prepared?.types ?? 0), cgroup: directory,
                descriptors: [file, theirs], timeOffsets: plan.spawn.timeOffsets,
                owner: plan.spawn.userMap.first?.outside ?? 0, spared: isSpared,
                joining: other.map { ($0, plan.spawn.joined.rawValue) }, namespaces: prepared?.files ?? [])
            return HeldProcess(
                process: process, control: ours, isMapped: prepared != nil, isSpared: isSpared)
        } catch {
            let doing = "start a process in the container"
            if error.errno == Errno.wouldBlock, let failure = group?.processLimitFailure(doing: doing) { throw failure }
            throw error.failure(
                "launch.cannot-spawn", doing: "start the container's first process", remedy: remedy(for: error))
        }
    }

    private static func remedy(for error: KernelError) -> String? {
        switch error.errno {
        case Errno.notPermitted: "run bulkhead as root with all capabilities"
        case Errno.noSpace: "raise the limit in /proc/sys/user that the kernel has reached"
        case Errno.wouldBlock: "raise the limit on processes (RLIMIT_NPROC, pids.max) of bulkhead itself"
        case Errno.invalid, Errno.noSystemCall: "boot Linux 5.14 or newer with all namespaces"
        default: nil
        }
    }

    /// Which host ids the new user namespace has. Until this is written the process can own and do nothing.
    func writeIdentityMaps(_ options: SpawnOptions) throws(Failure) {
        guard options.namespaces.contains(.user) else { return }
        do throws(KernelError) {
            // Anyone inside may write an empty map of project ids, and project ids are how storage limits are kept.
            let maps = [
                ("uid_map", options.userMap), ("gid_map", options.groupMap), ("projid_map", options.groupMap),
            ]
            for (file, map) in maps {
                let text = map.map { "\($0.inside) \($0.outside) \($0.count)\n" }.joined()
                try TextFile.write(text, to: "/proc/\(process.id)/\(file)")
            }
        } catch {
            throw error.failure(
                "launch.cannot-map-ids", doing: "map the container's user ids",
                remedy: "run bulkhead in the host's own user namespace, as root")
        }
    }

    /// Lets the plan's own limits be set inside, where nobody may raise a hard limit any more.
    func raiseLimits(for plan: LaunchPlan) throws(Failure) {
        try setMemoryScore(plan.spawn.memoryScore)
        for planned in plan.steps {
            guard case .limit(let limit) = planned.step else { continue }
            do throws(KernelError) {
                try process.raiseHardLimit(of: limit.resource, to: limit.hard)
            } catch {
                throw error.failure(
                    "launch.cannot-raise-limit", doing: "raise a resource limit of the container's first process",
                    remedy: "start bulkhead with CAP_SYS_RESOURCE")
            }
        }
    }

    /// A service that is never to be killed for memory passes that on to its children: with oom_score_adj -1000 a
    /// container's limit would stop nobody. So would one that was spared. What we write, the process
    /// cannot lower again. See proc(5).
    private func setMemoryScore(_ asked: Int32?) throws(Failure) {
        if let asked { return try write(memoryScore: asked) }
        do throws(KernelError) {
            let own = try TextFile.read("/proc/self/oom_score_adj", limit: 64)
            let isProtected = own.begins(with: "-")
            guard isProtected || isSpared else { return }
            try TextFile.write(isProtected ? "0" : own, to: "/proc/\(process.id)/oom_score_adj")
        } catch {
            throw error.failure("launch.cannot-limit", doing: "make the container killable when memory runs out")
        }
    }

    private func write(memoryScore: Int32) throws(Failure) {
        do throws(KernelError) {
            try TextFile.write("\(memoryScore)", to: "/proc/\(process.id)/oom_score_adj")
        } catch {
            throw error.failure(
                "launch.cannot-limit", doing: "set the OOM score adjustment to \(memoryScore)",
                remedy: error.errno == Errno.accessDenied
                    ? "less than bulkhead's own needs CAP_SYS_RESOURCE on the host: start bulkhead with it, or ask for "
                        + "more with --oom-score-adj" : nil)
        }
    }

    func userNamespace() throws(Failure) -> OwnedDescriptor? {
        do throws(KernelError) {
            return try OwnedDescriptor.open(RawPath("/proc/\(process.id)/ns/user"))
        } catch {
            throw error.failure("launch.no-namespace", doing: "open the container's user namespace")
        }
    }

    /// Lets the launcher do what needs nothing but its id maps, which are written. Nothing of it can be seen from
    /// elsewhere, and nothing is attached.
    func prepare() throws(Failure) {
        do throws(KernelError) { try control.sendMessage([PlanFormat.prepare], descriptors: []) } catch {
            throw error.failure("launch.lost", doing: "go on with the container's first process", retry: .later)
        }
    }

    /// Opens everything the plan names and hands it over with the word to go on.
    func release(
        with opener: DescriptorOpener, plan: LaunchPlan, userNamespace: OwnedDescriptor? = nil
    ) throws(Failure) {
        let descriptors: [OwnedDescriptor]
        do throws(KernelError) {
            descriptors = try MountWorkshop.run { () throws(KernelError) in
                try opener.open(plan) { userNamespace }
            }
        } catch {
            throw Self.cannotOpen(error)
        }
        try release(descriptors)
    }

    /// Hands over one descriptor for each of the plan's, with the word to go on.
    func release(_ descriptors: [OwnedDescriptor]) throws(Failure) {
        Failpoint.pass("launch.opened")
        do throws(KernelError) { try control.sendMessage([PlanFormat.release], descriptors: descriptors) } catch {
            throw Self.cannotOpen(error)
        }
    }

    static func cannotOpen(_ error: KernelError) -> Failure {
        error.failure("launch.cannot-open", doing: "open what the container is to see", remedy: OpenRemedy.text(error))
    }

    /// Waits until the task has been exec'ed. Gives the terminal's master when the plan asked for one; a listener of
    /// the task's filter goes to `hand`.
    func awaitStart(
        _ plan: LaunchPlan, hand: (OwnedDescriptor) throws(Failure) -> Void = { _ in }
    ) throws(Failure) -> OwnedDescriptor? {
        var terminal: OwnedDescriptor?
        var handover = ListenerHandover()
        while let message = try nextMessage() {
            let report = try LauncherReport(bytes: message.bytes)
            switch report.kind {
            case .failed: throw report.failure(in: plan)
            case .terminal: terminal = message.descriptor
            case .process, .listener:
                try handover.hear(report, message.descriptor, hand)
            case .created: break
            }
        }
        return terminal
    }

    private func nextMessage() throws(Failure) -> (bytes: [UInt8], descriptor: OwnedDescriptor?)? {
        do throws(KernelError) { return try control.receiveMessage(limit: 64) } catch {
            throw error.failure("launch.lost", doing: "hear from the launcher")
        }
    }

    private static let endMilliseconds: Int32 = 10_000

    private func end() throws(KernelError) {
        if isChild { return try process.killAndReap() }
        try process.signal(SignalNumber.kill)
        guard try process.waitForEnd(milliseconds: Self.endMilliseconds) else {
            throw KernelError(
                call: "wait for the end, after SIGKILL,", on: "process \(process.id)", errno: Errno.timedOut)
        }
    }

    /// Ends a process that was only needed for what it is in.
    func dismissed() throws(Failure) {
        do throws(KernelError) { try end() } catch {
            throw error.failure("launch.cannot-kill", doing: "end a process that is not needed any more")
        }
    }

    /// `failure`, after the process it is about has been ended and reaped.
    func abandoned(_ failure: Failure) -> Failure {
        do throws(KernelError) {
            try end()
            return failure
        } catch {
            return failure.also(error.failure("launch.cannot-kill", doing: "end the half-made container"))
        }
    }
}

enum OpenRemedy {
    static func text(_ error: KernelError) -> String? {
        switch (error.call, error.errno) {
        case ("mount_setattr", Errno.invalid):
            "its file system cannot map owners: use ext4, xfs or btrfs; a volume may have ',unmapped' instead"
        case ("fallocate", _): "put the output file on ext4, xfs, btrfs or tmpfs, or give it no limit"
        case (let call, Errno.crossDevice) where call.contains("beneath"):
            "a link on its way leads out of the directory that tasks may have; name a place in it without links"
        case (_, Errno.noEntry): "make it first"
        case (_, Errno.notPermitted): "give a directory made for this purpose"
        case (_, Errno.notDirectory), (_, Errno.isDirectory): "give a path of the kind the container wants to see"
        default: nil
        }
    }
}
