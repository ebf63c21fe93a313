import Diagnostics
import LaunchPlanning
import LinuxKernel
import RuntimeSpec

/// The launcher of a bundle, waiting in its namespaces and its cgroups.
struct BundleProcess: Sendable {
    let process: ProcessHandle
    let control: OwnedDescriptor

    /// With `joining` it is born in those of that process's namespaces that the plan says.
    static func spawn(
        _ plan: LaunchPlan, launcher: LauncherImage, groups: BundleGroups, joining other: ProcessHandle? = nil
    ) throws(Failure) -> BundleProcess {
        let bytes = try PlanEncoder.encode(plan)
        let directory = try groups.openForSpawn()
        do throws(KernelError) {
            let file = try OwnedDescriptor.memoryFile("bulkhead-plan")
            try file.write(bytes)
            try file.seal()
            try file.seek(to: 0)
            let (ours, theirs) = try OwnedDescriptor.packetPair()
            var namespaces: [(file: OwnedDescriptor, type: UInt64)] = []
            for joined in plan.spawn.joinedFiles {
                namespaces.append((try OwnedDescriptor.open(RawPath(joined.path)), joined.kind.rawValue))
            }
            func start(in group: OwnedDescriptor?) throws(KernelError) -> ProcessHandle {
                try LauncherProcess.start(
                    launcher: launcher.descriptor, flags: plan.spawn.namespaces.rawValue, cgroup: group,
                    descriptors: [file, theirs], timeOffsets: plan.spawn.timeOffsets,
                    joining: plan.spawn.joined.isEmpty ? nil : other.map { ($0, plan.spawn.joined.rawValue) },
                    namespaces: namespaces)
            }
            let process: ProcessHandle
            do throws(KernelError) { process = try start(in: directory) } catch {
                guard let group = try groups.openInstead(of: error) else { throw error }
                process = try start(in: group)
            }
            return BundleProcess(process: process, control: ours)
        } catch {
            if other != nil, error.errno == Errno.noProcess {
                throw Failure(
                    "bundle.not-running", doing: "start a process in the container",
                    cause: "its first process has left its namespaces", remedy: "kill and delete the container")
            }
            throw error.failure(
                "bundle.cannot-spawn", doing: "start the container's process",
                remedy: error.errno == Errno.notPermitted ? "run as root with all capabilities" : nil)
        }
    }

    /// `processors`: those it is held to, as the kernel lists them; empty for all that its cgroup has.
    func prepare(_ plan: LaunchPlan, oomScore: Int32?, processors: String = "") throws(Failure) {
        try hold(to: processors)
        do throws(KernelError) {
            if plan.spawn.namespaces.contains(.user) {
                try TextFile.write(MapHolder.text(plan.spawn.userMap), to: "/proc/\(process.id)/uid_map")
                try TextFile.write(MapHolder.text(plan.spawn.groupMap), to: "/proc/\(process.id)/gid_map")
            }
            if let oomScore { try TextFile.write("\(oomScore)", to: "/proc/\(process.id)/oom_score_adj") }
            for planned in plan.steps {
                guard case .limit(let limit) = planned.step else { continue }
                try process.raiseHardLimit(of: limit.resource, to: limit.hard)
            }
        } catch {
            throw error.failure(
                "bundle.cannot-prepare", doing: "set limits of the container's process",
                remedy: error.errno == Errno.notPermitted ? "run as root with all capabilities" : nil)
        }
    }

    func hold(to processors: String) throws(Failure) {
        let numbers = NumberList.numbers(processors, below: ProcessSpec.Affinity.processorsMax) ?? []
        do throws(KernelError) {
            if numbers.isEmpty { try process.runAnywhere() } else { try process.run(on: NumberList.words(numbers)) }
        } catch {
            throw error.failure(
                "bundle.cannot-prepare", doing: "choose the processors of the container's process",
                remedy: "name processors that its cgroup has")
        }
    }

    /// `descriptors`: those that the plan names.
    func release(_ descriptors: [OwnedDescriptor]) throws(Failure) {
        do throws(KernelError) { try control.sendMessage([PlanFormat.release], descriptors: descriptors) } catch {
            throw error.failure("bundle.lost", doing: "let the launcher go on")
        }
    }

    /// Kills and reaps it, when it is a child of ours.
    func end() {
        do throws(KernelError) {
            try process.signal(SignalNumber.kill)
            _ = try process.reap()
        } catch { return }
    }
}

/// What a launcher says on the socket it reports to.
enum LauncherMessages {
    /// Hears until `kind` comes, or until the socket ends: then false. Everything but a failure goes to `received`,
    /// with what the launcher sent along.
    ///
    /// - Parameter joining: a launcher that joins a container, whose processes may stop it: then it fails.
    /// - Parameter onReset: called before that end when the socket was reset: a connection that was never taken.
    static func hear(
        _ socket: OwnedDescriptor, until kind: LauncherReport.Kind?, joining: ProcessHandle? = nil,
        onReset: () throws(Failure) -> Void = { () throws(Failure) in },
        _ explain: (LauncherReport) throws(Failure) -> Failure,
        _ received: (LauncherReport, OwnedDescriptor?) throws(Failure) -> Void
    ) throws(Failure) -> Bool {
        while let message = try next(socket, joining, onReset) {
            let report = try LauncherReport(bytes: message.bytes)
            if report.kind == .failed { throw try explain(report) }
            try received(report, message.descriptor)
            if report.kind == kind { return true }
        }
        return false
    }

    private static func next(
        _ socket: OwnedDescriptor, _ joining: ProcessHandle?, _ onReset: () throws(Failure) -> Void
    ) throws(Failure) -> (bytes: [UInt8], descriptor: OwnedDescriptor?)? {
        let isHeldUp: Bool
        do throws(KernelError) {
            isHeldUp = try joining.map { process throws(KernelError) in try Self.isHeldUp(process, socket) } ?? false
            if !isHeldUp { return try socket.receiveMessage(limit: 64) }
        } catch {
            guard error.errno == Errno.connectionReset else {
                throw error.failure("bundle.lost", doing: "hear from the launcher")
            }
            try onReset()
            return nil
        }
        throw Failure(
            "bundle.held-up", doing: "start a process in the container",
            cause: "a process in it stopped the one that was joining", remedy: "try again", retry: .later)
    }

    private static let lookMilliseconds: Int32 = 100

    /// Waits until `socket` has something to say: false; or until who joins has been stopped before it could.
    private static func isHeldUp(_ joining: ProcessHandle, _ socket: OwnedDescriptor) throws(KernelError) -> Bool {
        while try !socket.waitReadable(milliseconds: lookMilliseconds) {
            // Its program, which it may have become just now, may be stopped as any other.
            if try joining.isStopped(), try !socket.waitReadable(milliseconds: 0) { return true }
        }
        return false
    }
}
