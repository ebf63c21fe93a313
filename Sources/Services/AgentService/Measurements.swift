import ClusterAPI
import Containers
import Determinism
import Diagnostics
import Logging

/// What containers use, asked of the containerizer when somebody wants to see it.
struct Measurements: Sendable {
    let containerizer: any Containerizer
    let logger: Logger
    /// Containers measured at once.
    static let atOnce = 16

    /// Those that could not be measured, or have ended meanwhile, are left out.
    func statistics(
        of containers: [ContainerID], at instant: @Sendable @escaping () -> Instant
    ) async -> [ContainerID: ResourceStatistics] {
        await withTaskGroup(of: (ContainerID, ResourceStatistics?).self) { group in
            var waiting = containers[...]
            var found: [ContainerID: ResourceStatistics] = [:]
            for id in waiting.prefix(Self.atOnce) { group.addTask { (id, await statistics(of: id, at: instant())) } }
            waiting = waiting.dropFirst(Self.atOnce)
            for await (id, statistics) in group {
                found[id] = statistics
                if let next = waiting.popFirst() {
                    group.addTask { (next, await self.statistics(of: next, at: instant())) }
                }
            }
            return found
        }
    }

    private func statistics(of id: ContainerID, at instant: Instant) async -> ResourceStatistics? {
        do throws(Failure) {
            return try await containerizer.usage(id).map { ResourceStatistics($0, at: instant) }
        } catch {
            logger.warning("a container cannot be measured", metadata: ["container": "\(id)", "cause": "\(error)"])
            return nil
        }
    }
}

extension ResourceStatistics {
    /// The protocol's words for what a control group says.
    init(_ usage: ContainerUsage, at instant: Instant) {
        func time(_ microseconds: UInt64?) -> Duration? { microseconds.map { .microseconds(Int64(clamping: $0)) } }
        self.init(
            at: instant, processes: usage.processes.map { UInt32(clamping: $0) },
            threads: usage.threads.map { UInt32(clamping: $0) }, userTime: time(usage.userMicroseconds),
            systemTime: time(usage.systemMicroseconds), cpuLimit: usage.cpuLimit,
            cpuPeriods: usage.limitPeriods.map { UInt32(clamping: $0) },
            cpuPeriodsThrottled: usage.throttledPeriods.map { UInt32(clamping: $0) },
            cpuThrottledTime: time(usage.throttledMicroseconds))
        memory = Memory(
            total: usage.memoryBytes,
            totalWithSwap: usage.memoryBytes.map { $0.addingReportingOverflow(usage.swapBytes ?? 0).partialValue },
            limit: usage.memoryLimitBytes, resident: usage.anonymousBytes, cache: usage.fileBytes,
            mappedFiles: usage.mappedBytes, swap: usage.swapBytes)
        let stalls = usage.stalls
        if !stalls.isEmpty {
            pressure = Pressure(
                cpu: stalls["cpu"].map(Stalls.init), memory: stalls["memory"].map(Stalls.init),
                io: stalls["io"].map(Stalls.init))
        }
    }
}

extension ResourceStatistics.Stalls {
    fileprivate init(_ stall: PressureStall) {
        func share(_ share: PressureStall.Share) -> ResourceStatistics.Stall {
            ResourceStatistics.Stall(
                average10: share.average10, average60: share.average60, average300: share.average300,
                total: .microseconds(Int64(clamping: share.total)))
        }
        self.init(some: stall.some.map(share), full: stall.full.map(share))
    }
}
