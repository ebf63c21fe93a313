import Diagnostics
import LaunchPlanning
import LinuxKernel
import SeccompFormat

/// mknod(2) of a harmless device: a mount of a fresh node over a file that the caller could have made itself
/// (Docs/Decisions/0117).
struct DeviceEmulation {
    /// Mounts that one container gets this way.
    static let placedMax = 64
    private static let patience: Int32 = 10_000  // milliseconds

    let order: EmulatorOrder
    let container: ProcessHandle
    let launcher: LauncherImage

    /// Everything of the caller's that is used, taken while it waited.
    struct Request {
        var root: OwnedDescriptor
        var directory: OwnedDescriptor
        var path: [UInt8]
        var facts: CallerFacts
        var device: HarmlessDevice
        var mode: UInt32
    }

    /// What the caller gets.
    func answer(_ request: Request) throws(Failure) -> CallAnswer {
        let facts = request.facts
        let groups = facts.groups.compactMap(order.inside)
        guard let uid = order.inside(facts.uid), let gid = order.inside(facts.gid), groups.count == facts.groups.count
        else { return .refused(errno: Errno.overflow) }
        let tree: OwnedDescriptor
        do throws(KernelError) { tree = try self.tree(request) } catch {
            throw error.failure("emulation.no-device", doing: "make the device", on: request.device.name)
        }
        let placement = DevicePlacement(
            root: "root", directory: "directory", path: request.path, tree: "tree", uid: uid, gid: gid, groups: groups,
            capabilities: facts.capabilities)
        return try carryOut(placement, [container.descriptor, request.root, request.directory, tree])
    }

    /// A detached mount of one node, with the owner and the mode it would have got.
    private func tree(_ request: Request) throws(KernelError) -> OwnedDescriptor {
        let (workshop, facts, device) = (order.workshop, request.facts, request.device)
        let mode = request.mode & 0o7777 & ~facts.umask
        return try MountWorkshop.run { () throws(KernelError) in
            let context = try FilesystemContext("tmpfs")
            try context.set("size", "4096")
            try context.set("nr_inodes", "4")
            let directory = try context.mount(attributes: 0)
            try directory.attachMount(at: workshop)
            let name = RawPath(device.name)
            try directory.makeNode(name, kind: .character, mode: 0, major: device.major, minor: device.minor)
            try directory.changeOwner(of: name, uid: facts.uid, gid: facts.gid)
            try directory.changeMode(of: name, mode)
            let tree = try directory.open(name, [.path, .noFollow]).detachedTree()
            try tree.setMountAttributes(set: MountAttributes([.noSetuid, .noExecute]).rawValue)
            return tree
        }
    }

    /// The errand is the launcher's: whoever joins a container's user namespace must be a process of one thread.
    private func carryOut(
        _ placement: DevicePlacement, _ descriptors: [OwnedDescriptor]
    ) throws(Failure) -> CallAnswer {
        let steps: [Step] = [.join("container", types: [.user, .mount]), .becomeRoot, .placeDevice(placement)]
        let plan = LaunchPlan(
            spawn: SpawnOptions(namespaces: [], userMap: [], groupMap: [], inControlGroup: false),
            descriptors: [
                "container": .containerProcess, "root": .stream(0), "directory": .stream(1), "tree": .stream(2),
            ],
            steps: steps.map { PlannedStep(stage: .execute, isolator: "emulator", step: $0) })
        let bytes = try PlanEncoder.encode(plan)
        do throws(KernelError) {
            let file = try OwnedDescriptor.memoryFile("bulkhead-plan")
            try file.write(bytes)
            try file.seal()
            try file.seek(to: 0)
            let (ours, theirs) = try OwnedDescriptor.packetPair()
            let process = try LauncherProcess.start(
                launcher: launcher.descriptor, flags: 0, cgroup: nil, descriptors: [file, theirs])
            do throws(KernelError) {
                try ours.sendMessage([PlanFormat.release], descriptors: descriptors)
                guard try process.waitForEnd(milliseconds: Self.patience) else {
                    throw KernelError(call: "wait for the launcher", errno: Errno.timedOut)
                }
            } catch {
                try process.killAndReap()
                throw error
            }
            let end = try process.reap()
            if end == .exited(0) { return .value(0) }
            guard let message = try ours.receiveMessage(limit: 64) else {
                throw KernelError(call: "hear from the launcher, which ended with \(end)", errno: Errno.inputOutput)
            }
            return try answer(message.bytes, plan)
        } catch {
            throw error.failure("emulation.no-errand", doing: "place the device")
        }
    }

    private func answer(_ bytes: [UInt8], _ plan: LaunchPlan) throws(KernelError) -> CallAnswer {
        let report: LauncherReport
        do throws(Failure) { report = try LauncherReport(bytes: bytes) } catch {
            throw KernelError(call: "understand the launcher: \(error)", errno: Errno.inputOutput)
        }
        // Looking up and making are the caller's own rights; whatever else failed is ours to explain.
        let isTheirs = [.resolve, .create].contains(LauncherReport.Part(rawValue: report.detail))
        if isTheirs, Int(report.step) == plan.steps.count - 1 { return .refused(errno: report.error) }
        throw KernelError(call: report.sentence(in: plan), errno: report.error)
    }
}
