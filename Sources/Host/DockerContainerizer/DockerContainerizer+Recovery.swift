import Containerizing
public import Containers
public import Diagnostics
import LinuxKernel
import OCIFormat

extension DockerContainerizer {
    /// The engine keeps everything: its containers with our label are compared with what is known.
    public func recover(_ known: [ContainerLaunch]) async throws(Failure) -> ContainerRecovery {
        var rest = try await found()
        var recovery = ContainerRecovery()
        for launch in known {
            guard let engineID = rest.removeValue(forKey: launch.id.text) else {
                try await forgetOutput(of: launch.id)
                recovery.vanished.append(launch.id)
                continue
            }
            try await adopt(launch, engineID, into: &recovery)
        }
        for (name, engineID) in rest.sorted(by: { $0.key < $1.key }) {
            try await remove(engineID)
            let id = try ContainerID(name)
            try await forgetOutput(of: id)
            recovery.destroyed.append(id)
        }
        return recovery
    }

    /// The engine's ids by ours.
    func found() async throws(Failure) -> [String: String] {
        let filters: JSONValue = ["label": [.string("\(DockerLaunch.installationLabel)=\(installation)")]]
        let list = try await engine.call(
            "GET", "/containers/json?all=1&filters=" + Engine.quoted(filters.text),
            doing: "list the engine's containers"
        ).body.array
        var result: [String: String] = [:]
        for container in list {
            guard let engineID = container["Id"].string,
                let name = container["Labels"][DockerLaunch.containerLabel].string
            else { continue }
            result[name] = engineID
        }
        return result
    }

    private func adopt(
        _ launch: ContainerLaunch, _ engineID: String, into recovery: inout ContainerRecovery
    ) async throws(Failure) {
        guard ledger.begin(launch.id, parent: launch.parent) else { return }
        var detail = Detail(engineID: engineID, launch: launch)
        let status = try await inspect(engineID)["State"]["Status"].string
        switch status {
        case "running", "paused", "restarting":
            try await note(&detail)
            ledger.launched(launch.id, detail, isNew: false)
            watch(launch.id, detail)
            recovery.adopted.append(launch.id)
        case "exited", "dead":
            // What it said last is not in the files yet.
            let writer = OutputWriter(detail, engine, positions)
            await Self.written(Task { await writer.run() })
            let exit = try await exit(of: engineID, ordered: nil)
            ledger.launched(launch.id, detail, isNew: false)
            ledger.ended(launch.id, exit, isNew: false)
            recovery.ended.append(ContainerRecovery.EndedContainer(id: launch.id, exit: exit))
        default:
            // Made and never started: the launch was cut off.
            ledger.failed(launch.id)
            try await remove(engineID)
            recovery.vanished.append(launch.id)
        }
    }

    // MARK: Questions

    public func status(_ id: ContainerID) async throws(Failure) -> ContainerView? {
        guard let entry = ledger[id] else { return nil }
        switch entry.phase {
        case .launching: return ContainerView(state: .launching)
        case .ended(let exit): return ContainerView(state: .ended, exit: exit)
        case .running:
            guard let detail = entry.detail else { return nil }
            let state = try await inspect(detail.engineID)["State"]
            return ContainerView(
                state: state["Paused"].bool == true ? .paused : .running, process: detail.process,
                startedAt: detail.startedAt,
                unenforced: DockerLaunch.unenforced(detail.launch.limits, try await abilities()))
        }
    }

    public func update(_ id: ContainerID, limits: ContainerLimits) async throws(Failure) {
        let detail = try await running(id, to: "update")
        if !limits.io.isEmpty || limits.ioWeight != nil {
            throw Failure(
                "host.cannot-enforce", doing: "limit the container", on: id.text,
                cause: "limits on disks are not passed on to the Docker Engine", field: "io")
        }
        try DockerLaunch.check(
            limits, allowed: detail.launch.isolation.allowedUnenforced, try await abilities(), on: id)
        _ = try await engine.call(
            "POST", "/containers/\(detail.engineID)/update",
            .object(.init(uniqueKeysWithValues: DockerLaunch.limits(limits))), doing: "change the container's limits",
            on: id.text)
        ledger.change(id) { $0.launch.limits = limits }
    }

    public func usage(_ id: ContainerID) async throws(Failure) -> ContainerUsage? {
        guard let entry = ledger[id], entry.phase == .running, let detail = entry.detail else { return nil }
        let answer = try await engine.call(
            "GET", "/containers/\(detail.engineID)/stats?stream=0&one-shot=1", accepting: [200, 404, 409],
            doing: "measure the container", on: id.text)
        guard answer.status == 200, ledger[id]?.phase == .running else { return nil }
        return Self.usage(answer.body, limits: detail.launch.limits)
    }

    static func usage(_ stats: JSONValue, limits: ContainerLimits) -> ContainerUsage {
        var usage = ContainerUsage(at: HostFacts.monotonicClock())
        let (processor, memory) = (stats["cpu_stats"], stats["memory_stats"])
        usage.cpuMicroseconds = processor["cpu_usage"]["total_usage"].unsigned.map { $0 / 1_000 }
        usage.userMicroseconds = processor["cpu_usage"]["usage_in_usermode"].unsigned.map { $0 / 1_000 }
        usage.systemMicroseconds = processor["cpu_usage"]["usage_in_kernelmode"].unsigned.map { $0 / 1_000 }
        usage.limitPeriods = processor["throttling_data"]["periods"].unsigned
        usage.throttledPeriods = processor["throttling_data"]["throttled_periods"].unsigned
        usage.throttledMicroseconds = processor["throttling_data"]["throttled_time"].unsigned.map { $0 / 1_000 }
        usage.cpuLimit = limits.cpus
        usage.memoryBytes = memory["usage"].unsigned
        usage.memoryPeakBytes = memory["max_usage"].unsigned
        // Without a limit the engine gives the host's memory.
        usage.memoryLimitBytes = limits.memory == nil ? nil : memory["limit"].unsigned
        let details = memory["stats"]
        usage.anonymousBytes = details["rss"].unsigned ?? details["anon"].unsigned
        usage.fileBytes = details["cache"].unsigned ?? details["file"].unsigned
        usage.mappedBytes = details["mapped_file"].unsigned ?? details["file_mapped"].unsigned
        usage.swapBytes = details["swap"].unsigned
        usage.majorFaults = details["pgmajfault"].unsigned
        usage.threads = stats["pids_stats"]["current"].unsigned
        usage.processLimit = limits.pids
        for entry in stats["blkio_stats"]["io_service_bytes_recursive"].array {
            let value = entry["value"].unsigned ?? 0
            switch entry["op"].string?.lowercased() {
            case "read": usage.readBytes = (usage.readBytes ?? 0) + value
            case "write": usage.writtenBytes = (usage.writtenBytes ?? 0) + value
            default: break
            }
        }
        return usage
    }
}
