import AuditFormat
import Auditing
import CommandOutput
import Containers
import Diagnostics
import HostProbe
import LinuxKernel
import NativeContainerizer
import Observation

/// Finds what is to be audited, and looks at it.
struct Surveyor {
    let runtime: NativeContainerizer
    let host: HostAbilities
    private let table: ProcessTable
    private let observer: ContainerObserver

    /// `own`: where the containers of an agent are; nil: those of the command line.
    init(_ places: PlaceOptions, of own: Places? = nil) throws(Failure) {
        try PlaceOptions.requireRoot()
        host = HostProbe.abilities()
        runtime = places.runtime(host, at: own)
        do throws(KernelError) {
            table = try ProcessTable.read()
            observer = try ContainerObserver(table: table, host: host)
        } catch {
            throw error.failure("audit.unobserved", doing: "read the processes of this host")
        }
    }

    /// In the order they were named; with `all`, ours by age and then everybody else's.
    func observe(
        _ names: [String], processes: [Int32], all: Bool
    ) throws(Failure) -> [ContainerFacts] {
        var seen = try targets(names, processes: processes, all: all).map(observer.observe)
        if all {
            // A container whose record nobody can read may run all the same: nothing of it was seen, which is said.
            seen += try runtime.survey().damaged.map { damage in
                let id = damage.subject ?? "a container"
                return observer.unobserved(Subject(.container, id: id, name: id, maker: "bulkhead"), damage.description)
            }
        }
        return seen
    }

    /// Who shares which namespaces: every container on this host, and `processes`.
    func graph(processes: [Int32]) throws(Failure) -> NamespaceGraph {
        let subjects = try targets([], processes: processes, all: true).compactMap { target in
            table.row(target.process).map { (subject: target.subject, inodes: $0.namespaces) }
        }
        return NamespaceGraph(subjects, host: table.host)
    }

    private func targets(
        _ names: [String], processes: [Int32], all: Bool
    ) throws(Failure) -> [ObservationTarget] {
        let known = try runtime.list()
        let records = known.map(\.record)
        var targets: [ObservationTarget] = []
        for name in names {
            let id = try runtime.find(name).request.id
            guard let status = known.first(where: { $0.record.request.id == id }) else {
                throw Failure(
                    "container.not-found", doing: "audit container", on: name, cause: "it was removed a moment ago")
            }
            targets.append(try target(status, records))
        }
        for process in processes {
            guard table.row(process) != nil else {
                throw Failure(
                    "audit.no-process", doing: "audit process", on: "\(process)", cause: "there is none",
                    remedy: "give the id of a running process", field: "pid")
            }
            targets.append(ForeignContainer.target(process: process, in: table))
        }
        if all {
            let running = known.filter { $0.process != nil }
            for status in running { targets.append(try target(status, records)) }
            let own = Set(running.compactMap(\.process))
            targets += ForeignContainer.first(in: table, besides: own).map {
                ForeignContainer.target(process: $0, in: table)
            }
        }
        return targets
    }

    /// A container of an agent's.
    struct Seen {
        var facts: ContainerFacts
        /// Nil: the agent has no record of it.
        var ordered: AuditOrder.Container?
        /// What its own record says; nil: another engine keeps it.
        var made: [String: String]?
    }

    /// What runs of what the agent ordered, in its order, and then what runs besides. Settles nothing: the containers
    /// are the agent's. `withOthers`: what has no record here may be another engine's, and is found by its process.
    func observe(_ order: AuditOrder, withOthers: Bool) throws(Failure) -> [Seen] {
        let found = try runtime.watched()
        let records = found.map(\.record)
        let running = Dictionary(
            found.filter { $0.process != nil }.map { ($0.record.request.id.text, $0) }) { first, _ in first }
        let recorded = Set(records.map(\.request.id.text))
        var seen: [Seen] = []
        for container in order.containers {
            if let status = running[container.id] {
                var target = try target(status, records)
                target.subject.name = container.place.task ?? container.place.executor
                target.subject.cluster = container.place
                seen.append(
                    Seen(
                        facts: observer.observe(target), ordered: container,
                        made: DeclaredWalls.of(status.record.request)))
            } else if withOthers, !recorded.contains(container.id), let process = container.process,
                table.row(process) != nil
            {
                var target = ForeignContainer.target(process: process, in: table)
                target.subject.kind = .container
                target.subject.id = container.id
                target.subject.name = container.place.task ?? container.place.executor
                target.subject.cluster = container.place
                seen.append(Seen(facts: observer.observe(target), ordered: container, made: nil))
            }
        }
        let known = Set(order.known + order.containers.map(\.id))
        for status in found where status.process != nil && !known.contains(status.record.request.id.text) {
            seen.append(
                Seen(
                    facts: observer.observe(try target(status, records)), ordered: nil,
                    made: DeclaredWalls.of(status.record.request)))
        }
        return seen
    }

    private func target(
        _ status: ContainerStatus, _ records: [ContainerRecord]
    ) throws(Failure) -> ObservationTarget {
        try DeclaredContainer.target(
            status, among: records, of: runtime, in: table, launcher: InstalledProgram.launcher.place)
    }
}
