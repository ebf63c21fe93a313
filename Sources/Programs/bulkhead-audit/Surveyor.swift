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

    init(_ places: PlaceOptions) throws(Failure) {
        try PlaceOptions.requireRoot()
        host = HostProbe.abilities()
        runtime = places.runtime(host)
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
        try targets(names, processes: processes, all: all).map(observer.observe)
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

    private func target(
        _ status: ContainerStatus, _ records: [ContainerRecord]
    ) throws(Failure) -> ObservationTarget {
        try DeclaredContainer.target(
            status, among: records, of: runtime, in: table, launcher: InstalledProgram.launcher.place)
    }
}
