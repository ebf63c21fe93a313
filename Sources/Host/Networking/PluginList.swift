import Containers
import Diagnostics
import JSONFormat
import LinuxKernel
import OCIFormat
import OrderedCollections

/// A configuration list of the Container Network Interface: https://www.cni.dev/docs/spec, sections 1 and 3.
struct PluginList: Sendable {
    static let limits = JSONLimits(bytes: 1 << 20, depth: 32, values: 20_000)
    private static let filesMax = 1_000
    private static let pluginsMax = 32
    /// What we speak; 0.4.0 brought CHECK and the cached result, 1.1.0 GC.
    static let versions = ["0.3.1", "0.4.0", "1.0.0", "1.1.0"]

    var name: String
    var version: String
    var plugins: [OrderedDictionary<String, JSONValue>]
    var skipsCheck: Bool
    /// The document, to be kept for DEL.
    var text: String

    /// A list, or the configuration of one plugin alone.
    init(parsing text: String, as file: String) throws(Failure) {
        let document: JSONValue
        do throws(JSONFault) { document = try JSONReader.read(Array(text.utf8), limits: Self.limits) } catch {
            throw Self.refusal(file, error.cause)
        }
        guard case .object(let members) = document, case .string(let name)? = members["name"] else {
            throw Self.refusal(file, "it has no name")
        }
        self.name = name
        self.text = text
        version = if case .string(let version)? = members["cniVersion"] { version } else { "0.3.1" }
        skipsCheck = members["disableCheck"] == .bool(true) || members["disableCheck"] == "true"
        plugins = []
        let listed: [JSONValue]
        if case .array(let array)? = members["plugins"] { listed = array } else { listed = [document] }
        guard (1...Self.pluginsMax).contains(listed.count) else {
            throw Self.refusal(file, "a list has 1 to \(Self.pluginsMax) plugins")
        }
        for entry in listed {
            guard case .object(let plugin) = entry, case .string(let type)? = plugin["type"], Self.isProgram(type)
            else { throw Self.refusal(file, "each plugin has a type, the name of its program") }
            plugins.append(plugin)
        }
        guard Self.versions.contains(version) else {
            throw Self.refusal(file, "version \(version) is none of \(Self.versions.joined(separator: ", "))")
        }
    }

    /// The list called `name`; of several the one whose file comes first.
    static func named(_ name: String, in directory: String) throws(Failure) -> PluginList {
        var files: [String] = []
        do throws(KernelError) {
            files = try OwnedDescriptor.open(RawPath(directory), [.directory]).entries().map(\.name.description)
                .filter { $0.ends(with: ".conflist") || $0.ends(with: ".conf") || $0.ends(with: ".json") }.sorted()
        } catch {
            guard error.errno == Errno.noEntry else {
                throw error.failure("network.plugin-list", doing: "look for network configurations", on: directory)
            }
        }
        var known: [String] = []
        for file in files.prefix(filesMax) {
            let path = "\(directory)/\(file)"
            let text: String
            do throws(KernelError) { text = try TextFile.read(path, limit: limits.bytes) } catch {
                throw error.failure("network.plugin-list", doing: "read the network configuration", on: path)
            }
            let list = try PluginList(parsing: text, as: path)
            if list.name == name { return list }
            known.append(list.name)
        }
        throw Failure(
            "network.not-found", doing: "find the network", on: "cni:" + name,
            cause: known.isEmpty ? "there is no configuration in \(directory)" : "\(directory) has only "
                + known.joined(separator: ", "),
            remedy: "put a file \(name).conflist into \(directory) of the machine that runs the container "
                + "(bulkhead run looks elsewhere with --cni-config; tasks do not), or use one that is there",
            field: "network")
    }

    var hasCheck: Bool { version != "0.3.1" && !skipsCheck }
    var hasCollection: Bool { version == "1.1.0" }

    /// A program's name leads nowhere but into the plugins' directories.
    private static func isProgram(_ type: String) -> Bool {
        !type.isEmpty && type.utf8.count <= 128 && !type.has("/") && !type.has("\0") && !type.begins(with: ".")
    }

    private static func refusal(_ file: String, _ cause: String) -> Failure {
        Failure(
            "network.plugin-list", doing: "read the network configuration", on: file, cause: cause,
            remedy: "correct it: https://www.cni.dev/docs/spec")
    }
}
