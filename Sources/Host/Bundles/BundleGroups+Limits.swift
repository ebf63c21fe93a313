public import Diagnostics
import LinuxKernel
public import RuntimeSpec

extension BundleGroups {
    /// Writes what `spec` asks for. A controller that is asked for and not there is refused by name.
    public func limit(_ spec: ResourceSpec) throws(Failure) {
        try checkMemory(spec.memory)
        let spec = withProcessorTime(withoutSwapLimit(spec))
        var values = hierarchies.isUnified ? try UnifiedValues.values(spec) : try LegacyValues.values(spec)
        // Raising swap before memory and lowering it after keeps one no larger than the other at every moment.
        if let swap = values.firstIndex(where: { $0.file == "memory.memsw.limit_in_bytes" }),
            let memory = values.firstIndex(where: { $0.file == "memory.limit_in_bytes" }), raisesMemory(spec.memory)
        {
            values.swapAt(swap, memory)
        }
        // A shorter period can be too short for the quota there is, and the new quota too long for the period.
        var again: [GroupValue] = []
        for value in values {
            do throws(Failure) { try write(value) } catch {
                guard value.file.ends(with: "period_us"), value.file != values.last?.file else { throw error }
                again.append(value)
            }
        }
        for value in again { try write(value) }
    }

    /// In version 1 the limit of memory and swap together holds memory too: without one there is none of the other. In
    /// version 2 runc does the same.
    private func withoutSwapLimit(_ spec: ResourceSpec) -> ResourceSpec {
        var spec = spec
        let file = hierarchies.isUnified ? "memory.swap.max" : "memory.memsw.limit_in_bytes"
        guard spec.memory.limit == -1, spec.memory.swap == nil, let directory = directory(with: "memory"),
            HostFacts.exists("\(directory)/\(file)")
        else { return spec }
        spec.memory.swap = -1
        return spec
    }

    private func withProcessorTime(_ spec: ResourceSpec) -> ResourceSpec {
        let (period, quota) = (spec.processor.period ?? 0, spec.processor.quota ?? 0)
        guard hierarchies.isUnified, let unified, period != 0, quota == 0 else { return spec }
        var spec = spec
        // Whoever asks for it where the controller is not enabled is told so when it is written.
        do throws(KernelError) {
            spec.processor.quota = UnifiedValues.quota(inForce: try TextFile.read("\(unified)/cpu.max"))
        } catch { return spec }
        return spec
    }

    private func raisesMemory(_ memory: ResourceSpec.Memory) -> Bool {
        guard let swap = memory.swap, let directory = directory(with: "memory") else { return false }
        do throws(KernelError) {
            let text = try TextFile.read(directory + "/memory.memsw.limit_in_bytes").filter { !$0.isNewline }
            guard let current = Int64(text) else { return false }
            return swap < 0 || swap > current
        } catch { return false }
    }

    private func checkMemory(_ memory: ResourceSpec.Memory) throws(Failure) {
        guard memory.checkBeforeUpdate == true, let limit = memory.limit, limit > 0,
            let directory = directory(with: "memory")
        else { return }
        let file = hierarchies.isUnified ? "memory.current" : "memory.usage_in_bytes"
        let usage: Int64
        do throws(KernelError) {
            usage = Int64(try TextFile.read("\(directory)/\(file)").filter { !$0.isNewline }) ?? 0
        } catch { throw Self.failed(error, "read how much memory is used") }
        guard usage <= limit else {
            throw SpecObject.refusal(
                "linux.resources.memory.limit", "\(usage) bytes are in use, \(limit) would be too few")
        }
    }

    private func write(_ value: GroupValue) throws(Failure) {
        guard let directory = home(of: value) else {
            throw Failure(
                "bundle.no-controller", doing: "set \(value.file) to \(value.value)",
                cause: "the cgroup controller \(value.controller) is not mounted here",
                remedy: "remove the limit, or mount the controller", field: value.field)
        }
        do throws(KernelError) {
            try TextFile.write(value.value, to: "\(directory)/\(value.file)")
        } catch {
            if error.errno == Errno.noEntry, value.mayBeAbsent { return }
            if try writeInstead(value, directory) { return }
            if error.errno == Errno.noEntry { throw missing(value, directory) }
            throw Self.failed(error, "set \(value.file) to \(value.value)", field: value.field)
        }
    }

    private func home(of value: GroupValue) -> String? {
        if hierarchies.isUnified { return unified }
        return hierarchies.legacy(with: value.controller).map(directory)
    }

    /// Whether it is the controller that is not there, or a file that it does not have.
    private func missing(_ value: GroupValue, _ directory: String) -> Failure {
        var cause = "\(value.file): no such file or directory"
        if hierarchies.isUnified, value.controller != "cgroup" {
            let there = Self.words("\(directory)/cgroup.controllers")
            if !there.contains(value.controller) {
                cause = "controller `\(Untrusted.shown(value.controller))` is not available under \(directory); "
                    + "there are \(there.joined(separator: ", "))"
            }
        }
        return Failure(
            "bundle.no-controller", doing: "set \(value.file) to \(value.value)", on: directory, cause: cause,
            remedy: "remove the limit, or enable its controller", field: value.field)
    }

    private static func words(_ file: String) -> [String] {
        do throws(KernelError) {
            return try TextFile.read(file).split(whereSeparator: \.isWhitespace).map(String.init)
        } catch { return [] }
    }

    /// Without the BFQ scheduler there is another file for the same weight, on another scale.
    private func writeInstead(_ value: GroupValue, _ directory: String) throws(Failure) -> Bool {
        if value.file.begins(with: "blkio.weight"), !HostFacts.exists("\(directory)/\(value.file)") {
            let file = value.file.replacingPrefix("blkio.", with: "blkio.bfq.")
            do throws(KernelError) { try TextFile.write(value.value, to: "\(directory)/\(file)") } catch {
                throw Self.failed(error, "set \(file) to \(value.value)", field: value.field)
            }
            return true
        }
        guard value.file == "io.bfq.weight", !HostFacts.exists("\(directory)/\(value.file)") else { return false }
        let words = value.value.cut(at: " ")
        guard let last = words.last, let weight = UInt64(last), weight >= 10 else { return false }
        let converted = ["\(1 + (weight - 10) * 9_999 / 990)"]
        let text = (words.dropLast().map(String.init) + converted).joined(separator: " ")
        do throws(KernelError) { try TextFile.write(text, to: "\(directory)/io.weight") } catch {
            throw Self.failed(error, "set io.weight to \(text)", field: value.field)
        }
        return true
    }

    /// Which devices may be used, before anything runs.
    public func allowDevices(_ linux: LinuxSpec) throws(Failure) {
        let rules = GroupDevices.rules(linux.resources.devices)
        try GroupDevices.check(rules)
        do throws(KernelError) {
            if hierarchies.isUnified, let unified {
                let group = try OwnedDescriptor.open(RawPath(unified), [.path, .directory])
                try DeviceFilter.attach(try program(rules), to: group)
            } else if let directory = hierarchies.legacy(with: "devices").map(directory) {
                for rule in rules {
                    let (file, text) = GroupDevices.legacy(rule)
                    try TextFile.write(text, to: "\(directory)/\(file)")
                }
            }
        } catch {
            throw Self.failed(error, "limit the container's devices", field: "linux.resources.devices")
        }
    }

    /// Which devices may be used from now on, in the place of what was said before. A file that is open stays open.
    public func changeDevices(_ given: [ResourceSpec.DeviceRule]) throws(Failure) {
        let rules = GroupDevices.rules(given)
        if hierarchies.isUnified, let unified {
            let program = try GroupDevices.program(rules)
            do throws(KernelError) {
                let group = try OwnedDescriptor.open(RawPath(unified), [.path, .directory])
                try DeviceFilter.replace(by: program, on: group)
            } catch { throw Self.failed(error, "change the container's devices", field: "devices") }
            return
        }
        guard let directory = hierarchies.legacy(with: "devices").map(directory) else {
            throw Failure(
                "bundle.no-controller", doing: "change the container's devices",
                cause: "the cgroup controller devices is not mounted here", field: "devices")
        }
        do throws(KernelError) {
            let listed = try TextFile.read("\(directory)/devices.list").cut(at: "\n").map(String.init)
            for (file, text) in try change(from: listed, to: rules) {
                try TextFile.write(text, to: "\(directory)/\(file)")
            }
        } catch { throw Self.failed(error, "change the container's devices", field: "devices") }
    }

    private func change(
        from listed: [String], to rules: [ResourceSpec.DeviceRule]
    ) throws(KernelError) -> [(file: String, text: String)] {
        do throws(Failure) { return try GroupDevices.change(from: listed, to: rules) } catch {
            throw KernelError(call: error.description, errno: Errno.notSupported)
        }
    }

    private func program(_ rules: [ResourceSpec.DeviceRule]) throws(KernelError) -> [UInt8] {
        do throws(Failure) { return try GroupDevices.program(rules) } catch {
            throw KernelError(call: error.description, errno: Errno.notSupported)
        }
    }
}

extension String {
    fileprivate func replacingPrefix(_ prefix: String, with other: String) -> String {
        begins(with: prefix) ? other + dropFirst(prefix.count) : self
    }
}
