import CommandOutput
import Diagnostics

/// `--master`: addresses with commas between them.
enum MasterList {
    static func parse(_ text: String) throws(Failure) -> [String] {
        var addresses: [String] = []
        for part in text.cut(at: ",") {
            let address = part.contains("://") ? String(part) : "http://\(part)"
            guard address.begins(with: "http://") || address.begins(with: "https://") else {
                throw .flag(
                    "master", String(part), cause: "it is neither http nor https",
                    remedy: "write http://HOST:5050; ZooKeeper is not spoken by this version")
            }
            addresses.append(address.ends(with: "/") ? String(address.dropLast()) : address)
        }
        guard !addresses.isEmpty else {
            throw .flag("master", text, cause: "it names no master", remedy: "write http://HOST:5050")
        }
        return addresses
    }
}
