import ClusterModel
import Diagnostics
import OrderedCollections

/// Variables by name: a later one takes the place of an earlier one.
struct Environment {
    private var variables: OrderedDictionary<String, String> = [:]

    mutating func set(_ name: String, _ value: String) { variables[name] = value }

    mutating func set(_ variables: [CommandSpec.EnvironmentVariable]) throws(Failure) {
        for variable in variables {
            guard !variable.name.isEmpty, !variable.name.utf8.contains(0x3d), !variable.name.utf8.contains(0) else {
                throw Failure(
                    "launch.environment", doing: "launch it", on: variable.name,
                    cause: "a variable's name is not empty and has no '='", remedy: "correct the name",
                    field: "command.environment")
            }
            guard case .text(let text) = variable.value else {
                throw Failure(
                    "launch.secret", doing: "launch it", on: variable.name,
                    cause: "only tasks and executors are given secrets",
                    remedy: "pass what is not secret as a plain value", field: "command.environment")
            }
            set(variable.name, text)
        }
    }

    var lines: [String] { variables.map { "\($0.key)=\($0.value)" } }
}

extension Duration {
    /// As the protocol's programs read durations: `2secs`, `15mins`, `500ms`.
    var protocolText: String {
        let nanoseconds = saturatingNanoseconds
        let units: [(String, Int64)] = [
            ("mins", 60_000_000_000), ("secs", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000),
        ]
        for (name, size) in units where nanoseconds >= size && nanoseconds % size == 0 {
            return "\(nanoseconds / size)\(name)"
        }
        return "\(nanoseconds)ns"
    }
}
