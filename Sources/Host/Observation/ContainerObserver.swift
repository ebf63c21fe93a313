public import Auditing
public import AuditFormat
import Containers
public import HostProbe
public import LinuxKernel

/// Reads from the kernel everything that rules ask about. Nothing is changed; a thread is stopped for a moment when its
/// filter is read. What cannot be read is hidden, with the reason, and makes rules answer unknown.
public struct ContainerObserver: Sendable {
    let table: ProcessTable
    let host: HostAbilities
    let hostMounts: [MountFacts]

    /// `table` is of a moment before; processes that have ended since are left out.
    public init(table: ProcessTable, host: HostAbilities) throws(KernelError) {
        self.table = table
        self.host = host
        hostMounts = MountTable.read(try TextFile.read("/proc/1/mountinfo", limit: 64 << 20))
    }

    /// What is active on this host; an empty list when none is.
    public static func surroundings(_ host: HostAbilities) -> HostSurroundings {
        var modules: [String] = []
        if read("/sys/module/apparmor/parameters/enabled")?.begins(with: "Y") == true { modules.append("apparmor") }
        let selinux = DomainObserver.mode()
        if selinux != nil { modules.append("selinux") }
        let listed = (read("/sys/kernel/security/lsm") ?? "").split { $0 == "," || $0.isWhitespace }.map(String.init)
        modules += listed.filter { !modules.contains($0) && !["apparmor", "selinux"].contains($0) }
        return HostSurroundings(
            securityModules: modules, controllers: host.groups.controllers.sorted(),
            hasControlGroups: host.groups.mountPoint != nil, selinux: selinux)
    }

    private static func read(_ path: String) -> String? {
        do throws(KernelError) { return try TextFile.read(path, limit: 4_096) } catch { return nil }
    }

    public func observe(_ target: ObservationTarget) -> ContainerFacts {
        var facts = ContainerFacts(subject: target.subject, host: Self.surroundings(host))
        facts.declared = target.declared
        if facts.declared?.maskedPaths.contains(DefaultPaths.heat) == true {
            facts.declared?.maskedPaths += host.throttlePaths
        }
        let before = startTime(target.process)
        guard before != nil else { return hidden(facts, "process \(target.process) has ended") }
        fill(&facts, target)
        // A number that now means another process would have shown us a stranger.
        if startTime(target.process) != before { return hidden(facts, "process \(target.process) ended meanwhile") }
        return facts
    }

    private func startTime(_ process: Int32) -> UInt64? {
        do throws(KernelError) {
            return try ProcessFacts.isZombie(process) ? nil : try ProcessFacts.startTime(of: process)
        } catch {
            return nil
        }
    }

    /// Facts of what is known to be there and of which nothing could be seen.
    public func unobserved(_ subject: Subject, _ why: String) -> ContainerFacts {
        hidden(ContainerFacts(subject: subject, host: Self.surroundings(host)), why)
    }

    private func hidden(_ known: ContainerFacts, _ why: String) -> ContainerFacts {
        var facts = ContainerFacts(subject: known.subject, host: known.host)
        facts.declared = known.declared
        facts.processes = .hidden(why)
        facts.namespaces = .hidden(why)
        facts.mounts = .hidden(why)
        facts.paths = .hidden(why)
        facts.controlGroup = .hidden(why)
        facts.devices = .hidden(why)
        facts.devicePolicy = .hidden(why)
        facts.descriptors = .hidden(why)
        facts.listeners = .hidden(why)
        facts.published = .hidden(why)
        facts.outsidePeers = .hidden(why)
        facts.filters = .hidden(why)
        facts.secretVariables = .hidden(why)
        return facts
    }

    private func fill(_ facts: inout ContainerFacts, _ target: ObservationTarget) {
        let members = table.members(of: target.process, group: target.controlGroup)
        facts.namespaces = namespaces(target, members)
        let mounts = mounts(target.process)
        facts.mounts = mounts
        let known = mounts.value ?? []
        facts.processes = processes(target, members, known)
        let group = target.controlGroup ?? members.first { $0.id == target.process }?.controlGroup
        facts.controlGroup = GroupObserver.observe(group, process: target.process, host: host.groups)
        facts.devicePolicy = DeviceObserver.policy(
            group: host.groups.mountPoint.flatMap { mount in group.map { mount + ($0 == "/" ? "" : $0) } },
            legacy: GroupObserver.legacyDevices(target.process))
        facts.listeners = listeners(target.process)
        let reach = ReachObserver(table: table, process: target.process)
        facts.published = reach.published(declared: target.declared?.network, owner: target.subject.id)
        facts.hasOwnKeyring = target.hasOwnKeyring
        facts.emulators = target.emulators
        facts.entries = target.log.map { ReachObserver.entries(target.subject.id, log: $0) }
        if case .hidden(let why) = mounts {
            facts.paths = .hidden(why)
            facts.devices = .hidden(why)
            facts.descriptors = .hidden(why)
        } else {
            let files = FileObserver(process: target.process, mounts: known, more: host.throttlePaths)
            facts.paths = files.paths()
            facts.devices = DeviceObserver(process: target.process, mounts: known).nodes()
            if let processes = facts.processes.value {
                facts.descriptors = DescriptorObserver(
                    mounts: Set(known.map(\.id)), members: Set(members.map(\.id)),
                    strangers: table.strangers(to: members)
                ).descriptors(processes)
            }
            if let descriptors = facts.descriptors.value {
                facts.outsidePeers = reach.outsidePeers(descriptors, members: Set(members.map(\.id)))
            }
        }
        guard let processes = facts.processes.value else { return }
        facts.secretVariables = EnvironmentObserver.names(processes)
        if facts.host.selinux == .enforcing { facts.domains = DomainObserver.domains(processes) }
        facts.filters = FilterObserver(planned: target.plannedFilter, plannedForInit: target.plannedInitFilter)
            .observe(processes)
        if facts.emulators != nil || facts.filters.value?.contains(where: { $0.handed?.isEmpty == false }) == true {
            facts.callHolders = CallHolderObserver.observe(table, members: Set(members.map(\.id)))
        }
    }

    private func processes(
        _ target: ObservationTarget, _ members: [ProcessTable.Row], _ mounts: [MountFacts]
    ) -> Observed<[TaskFacts]> {
        let layer = target.writableLayer ?? Self.upperDirectory(mounts)
        var result: [TaskFacts] = []
        for member in members {
            let isOwn = target.ownProcesses.contains(member.id) || isLauncher(member.id, target)
            do throws(KernelError) {
                let observer = ProcessObserver(id: member.id, isInit: isOwn, writableLayer: layer)
                if let facts = try observer.observe() { result.append(facts) }
            } catch {
                return .hidden("process \(member.id) cannot be read: \(error)")
            }
        }
        return result.isEmpty ? .hidden("process \(target.process) has ended") : .seen(result)
    }

    /// The monitor of an exec is outside the container's process namespace: it is ours when it runs, byte for byte, the
    /// launcher. Nothing inside can make a process out there, whatever it executes.
    private func isLauncher(_ process: Int32, _ target: ObservationTarget) -> Bool {
        guard let launcher = target.launcher, table.row(process)?.namespaces["pid"] == table.host["pid"] else {
            return false
        }
        do throws(KernelError) {
            let limit = 16 << 20
            let running = try OwnedDescriptor.open(RawPath("/proc/\(process)/exe")).readAll(limit: limit)
            return running == (try OwnedDescriptor.open(RawPath(launcher)).readAll(limit: limit))
        } catch {
            return false
        }
    }

    /// The writable directory of an overlay, where the mount says it by a path of the host.
    private static func upperDirectory(_ mounts: [MountFacts]) -> String? {
        guard let root = mounts.last(where: { $0.target == "/" }), root.type == "overlay" else { return nil }
        let prefix = "upperdir="
        guard let path = root.superOptions.first(where: { $0.begins(with: prefix) })?.dropFirst(prefix.count),
            path.begins(with: "/"), HostFacts.exists(String(path))
        else { return nil }
        return String(path)
    }

    private func mounts(_ process: Int32) -> Observed<[MountFacts]> {
        do throws(KernelError) {
            let own = MountTable.read(try TextFile.read("/proc/\(process)/mountinfo", limit: 64 << 20))
            return .seen(MountTable.withHostPaths(own, host: hostMounts))
        } catch {
            return .hidden("/proc/\(process)/mountinfo cannot be read: \(error)")
        }
    }

    private func namespaces(
        _ target: ObservationTarget, _ members: [ProcessTable.Row]
    ) -> Observed<[ContainerNamespace]> {
        guard let own = members.first(where: { $0.id == target.process })?.namespaces else {
            return .hidden("/proc/\(target.process)/ns cannot be read")
        }
        let inside = Set(members.map(\.id))
        // Who looks is no part of what there is.
        let observer = HostFacts.processID()
        let strangers = table.rows.filter { !inside.contains($0.id) && $0.id != observer }
        return .seen(
            ProcessTable.kinds.compactMap { kind in
                guard let inode = own[kind] else { return nil }
                let host = table.host[kind]
                let others = host == nil || inode == host ? [] : strangers.filter { $0.namespaces[kind] == inode }
                return ContainerNamespace(
                    kind: kind, inode: inode, hostInode: host, sharedWith: Set(others.map(Self.owner)).sorted())
            })
    }

    /// A container of ours by its id, anything else by its process.
    static func owner(_ row: ProcessTable.Row) -> String {
        let parts = row.controlGroup.cut(at: "/")
        if parts.count >= 2, parts[0] == "bulkhead" { return String(parts[1]) }
        return "process \(row.id) (\(row.name))"
    }

    private func listeners(_ process: Int32) -> Observed<[ListenerFacts]> {
        var found: [ListenerFacts] = []
        for transport in ["tcp", "tcp6", "udp", "udp6"] {
            let path = "/proc/\(process)/net/\(transport)"
            do throws(KernelError) {
                found += SocketTable.listeners(try TextFile.read(path, limit: 64 << 20), transport)
            } catch {
                // A kernel without IPv6.
                if error.errno == Errno.noEntry { continue }
                return .hidden("\(path) cannot be read: \(error)")
            }
        }
        return .seen(found)
    }
}
