import Containers
import Diagnostics
import JSONFormat
import LinuxKernel
import NetworkFormat
import OCIFormat
import OrderedCollections

/// Runs the plugins of a list for one container: ADD, CHECK, DEL and GC of the Container Network Interface, with the
/// result of each handed to the next.
struct PluginRun: Sendable {
    private static let outputBytesMax = 1 << 20
    private static let seconds = 60.0
    /// Plugins call iptables and ip.
    private static let searchPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    let container: ContainerID
    let attachment: PluginAttachment
    let list: PluginList

    init(container: ContainerID, _ attachment: PluginAttachment) throws(Failure) {
        self.container = container
        self.attachment = attachment
        list = try PluginList(parsing: attachment.list, as: "kept for container \(container)")
    }

    // MARK: Verbs

    /// The last plugin's result.
    func add() throws(Failure) -> JSONValue? {
        var result: JSONValue?
        for plugin in list.plugins {
            if let answer = try run("ADD", plugin, previous: result) { result = answer }
        }
        return result
    }

    /// Whether what was added is still there, as each plugin sees it. Not part of a launch: some plugins fail at what
    /// they have just added.
    func check() throws(Failure) {
        guard list.hasCheck, let text = attachment.result else { return }
        let previous = try Self.parse(Array(text.utf8), "read the kept result")
        for plugin in list.plugins { _ = try run("CHECK", plugin, previous: previous) }
    }

    /// In reverse. Plugins answer well to a DEL of what was never added; one that fails does not keep the others from
    /// theirs.
    func delete() throws(Failure) {
        var previous: JSONValue?
        if let text = attachment.result { previous = try Self.parse(Array(text.utf8), "read the kept result") }
        var first: Failure?
        for plugin in list.plugins.reversed() {
            do throws(Failure) { _ = try run("DEL", plugin, previous: previous) } catch {
                first = first?.also(error) ?? error
            }
        }
        if let first { throw first }
        try NamespacePin(path: attachment.namespace).remove()
    }

    /// Tells the plugins which containers there still are; they give back what others had. One that fails does not
    /// keep the others from theirs; all failures are told.
    func collect(valid: [ContainerID]) throws(Failure) {
        guard list.hasCollection else { return }
        let kept = valid.map { id -> JSONValue in
            ["containerID": .string(id.text), "ifname": .string(ContainerNetworks.interface)]
        }
        var first: Failure?
        for plugin in list.plugins {
            var plugin = plugin
            plugin["cni.dev/valid-attachments"] = .array(kept)
            do throws(Failure) { _ = try run("GC", plugin, previous: nil) } catch {
                first = first?.also(error) ?? error
            }
        }
        if let first { throw first }
    }

    // MARK: One plugin

    private func run(
        _ verb: String, _ plugin: OrderedDictionary<String, JSONValue>, previous: JSONValue?
    ) throws(Failure) -> JSONValue? {
        guard case .string(let type)? = plugin["type"] else { return nil }
        let doing = "\(verb) network \(list.name) with plugin"
        let program = try program(type)
        let (status, output) = try execute(program, input: input(plugin, previous), verb: verb, doing: doing)
        if status == .exited(0) {
            return verb == "ADD" ? try Self.parse(output, doing) : nil
        }
        throw Failure(
            "network.plugin-failed", doing: doing, on: program, cause: Self.words(output) ?? "it \(Self.said(status))",
            remedy: "see \(program)'s documentation; its configuration is list \(list.name)", retry: .later)
    }

    private func program(_ type: String) throws(Failure) -> String {
        if let found = attachment.programs.map({ "\($0)/\(type)" }).first(where: HostFacts.exists) { return found }
        throw Failure(
            "network.plugin-not-found", doing: "find the network plugin", on: type,
            cause: "it is not in \(attachment.programs.joined(separator: ", "))",
            remedy: "apt-get install containernetworking-plugins, or name its directory with --cni-bin")
    }

    /// Section 3 of the specification: the plugin's own configuration with name, version, result, and of the
    /// arguments those it says it can use.
    private func input(_ plugin: OrderedDictionary<String, JSONValue>, _ previous: JSONValue?) -> String {
        var members = plugin
        members["name"] = .string(list.name)
        members["cniVersion"] = .string(list.version)
        if let previous { members["prevResult"] = previous }
        if case .object(let abilities)? = members.removeValue(forKey: "capabilities") {
            var given: OrderedDictionary<String, JSONValue> = [:]
            for (name, value) in attachment.arguments where abilities[name] == .bool(true) {
                given[name] = value
            }
            if !given.isEmpty { members["runtimeConfig"] = .object(given) }
        }
        return JSONValue.object(members).text
    }

    private func execute(
        _ program: String, input: String, verb: String, doing: String
    ) throws(Failure) -> (ProcessEnd, [UInt8]) {
        do throws(KernelError) {
            let file = try OwnedDescriptor.memoryFile("bulkhead-cni")
            try file.write(input)
            try file.seek(to: 0)
            var ends: (read: OwnedDescriptor, write: OwnedDescriptor)? = try OwnedDescriptor.pipe()
            let environment = [
                Self.searchPath, "CNI_COMMAND=\(verb)", "CNI_CONTAINERID=\(container.text)",
                "CNI_NETNS=\(verb == "GC" ? "" : attachment.namespace)", "CNI_IFNAME=\(ContainerNetworks.interface)",
                "CNI_PATH=\(attachment.programs.joined(separator: ":"))", "CNI_ARGS=IgnoreUnknown=1",
            ]
            let process = try ToolProcess.start(
                program, [], environment: environment, descriptors: [file, ends?.write, nil])
            let output = ends?.read
            // Ours must be closed, or the end of the plugin's output is never seen.
            ends = nil
            guard let output else { throw KernelError(call: "pipe", errno: Errno.invalid) }
            let end = HostFacts.monotonicClock() + Self.seconds
            let bytes: [UInt8]
            do throws(KernelError) { bytes = try Self.read(output, until: end) } catch {
                try process.killAndReap()
                throw error
            }
            // One that has closed its output may go on all the same.
            return (try process.reap(within: max(0, end - HostFacts.monotonicClock())), bytes)
        } catch {
            throw error.failure(
                "network.plugin-failed", doing: doing, on: program,
                remedy: error.errno == Errno.timedOut ? "it took more than \(Int(Self.seconds)) s and was killed" : nil,
                retry: .later)
        }
    }

    private static func read(_ output: OwnedDescriptor, until end: Double) throws(KernelError) -> [UInt8] {
        var result: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let left = end - HostFacts.monotonicClock()
            guard left > 0, try output.waitReadable(milliseconds: Int32(left * 1_000) + 1) else {
                throw KernelError(call: "wait for the plugin", errno: Errno.timedOut)
            }
            var count = 0
            var problem: KernelError?
            chunk.withUnsafeMutableBytes { buffer in
                do throws(KernelError) { count = try output.read(into: buffer) } catch { problem = error }
            }
            if let problem { throw problem }
            if count == 0 { return result }
            result += chunk[..<count]
            guard result.count <= outputBytesMax else {
                throw KernelError(call: "the plugin says more than \(outputBytesMax) bytes: read", errno: Errno.noSpace)
            }
        }
    }

    // MARK: Answers

    private static func parse(_ bytes: [UInt8], _ doing: String) throws(Failure) -> JSONValue? {
        if bytes.allSatisfy({ $0 == 0x20 || $0 == 0x0a }) { return nil }
        do throws(JSONFault) { return try JSONReader.read(bytes, limits: PluginList.limits) } catch {
            throw Failure("network.plugin-failed", doing: doing, cause: "its result is no JSON: \(error.cause)")
        }
    }

    /// What a plugin that failed wrote: `{"code": 7, "msg": "…", "details": "…"}`.
    private static func words(_ bytes: [UInt8]) -> String? {
        guard let document: JSONValue = ({
            do throws(JSONFault) { return try JSONReader.read(bytes, limits: PluginList.limits) } catch { return nil }
        })(), case .object(let members) = document, case .string(let message)? = members["msg"]
        else { return nil }
        var text = message
        if case .string(let details)? = members["details"], !details.isEmpty { text += " (\(details))" }
        if case .number(let code)? = members["code"] { text += ", code \(code)" }
        return text
    }

    private static func said(_ end: ProcessEnd) -> String {
        switch end {
        case .exited(let code): "ended with \(code) and no words"
        case .signaled(let signal): "was ended by signal \(signal)"
        }
    }

    /// The addresses in a result: `ips` of versions 0.3 and later.
    static func addresses(in result: JSONValue?) -> [IPAddress] {
        guard case .object(let members)? = result, case .array(let entries)? = members["ips"] else { return [] }
        return entries.compactMap { entry in
            guard case .object(let members) = entry, case .string(let text)? = members["address"] else { return nil }
            return IPAddress(String(text.prefix { $0 != "/" }))
        }
    }
}

extension PluginAttachment {
    /// Well-known capability arguments: https://github.com/containernetworking/cni/blob/main/CONVENTIONS.md
    static func arguments(_ request: PluginRequest) -> JSONValue {
        var members: OrderedDictionary<String, JSONValue> = [:]
        if !request.ports.isEmpty {
            members["portMappings"] = .array(
                request.ports.map { port in
                    var entry: OrderedDictionary<String, JSONValue> = [
                        "hostPort": .number(port.hostPort), "containerPort": .number(port.port),
                        "protocol": .string(port.transport.rawValue),
                    ]
                    if let host = port.hostAddress { entry["hostIP"] = .string(host.description) }
                    return .object(entry)
                })
        }
        if !request.addresses.isEmpty {
            members["ips"] = .array(request.addresses.map { .string($0.description) })
        }
        // Bits, not bytes.
        var limits: OrderedDictionary<String, JSONValue> = [:]
        if let rate = request.bandwidth.incoming {
            limits["ingressRate"] = .number(rate * 8)
            limits["ingressBurst"] = .number(FilterElement.burst(rate) * 8)
        }
        if let rate = request.bandwidth.outgoing {
            limits["egressRate"] = .number(rate * 8)
            limits["egressBurst"] = .number(FilterElement.burst(rate) * 8)
        }
        if !limits.isEmpty { members["bandwidth"] = .object(limits) }
        return .object(members)
    }

    var arguments: OrderedDictionary<String, JSONValue> {
        do throws(JSONFault) {
            let value: JSONValue = try JSONReader.read(Array(argumentText.utf8), limits: PluginList.limits)
            if case .object(let members) = value { return members }
            return [:]
        } catch {
            return [:]
        }
    }
}
