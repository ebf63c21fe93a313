import Diagnostics
import JSONFormat
import Nftables
import OCIFormat

/// The elements that are in our tables, as the kernel lists them.
struct FilterContents {
    /// A list of five hundred containers has a megabyte.
    private static let limits = JSONLimits(bytes: 256 << 20, depth: 64, values: 20_000_000)
    struct Element {
        var table: JSONValue
        var set: JSONValue
        var key: JSONValue
        var owner: String
        /// What a map leads to.
        var value: JSONValue?
        /// The limit object it leads to.
        var limit: JSONValue?
    }
    var elements: [Element] = []

    /// Tables that are not there have no elements.
    static func read(_ filter: PacketFilter) throws(Failure) -> FilterContents {
        var contents = FilterContents()
        for family in [FilterElement.Table.inet, .bridge] {
            let text: String
            do throws(Failure) {
                text = try filter.run("list table \(family.rawValue) \(FilterRules.table)", to: "list what is in")
            } catch { continue }
            do throws(JSONFault) {
                contents.add(try JSONReader.read(Array(text.utf8), limits: limits))
            } catch {
                throw Failure(
                    "network.filter-refused", doing: "read the list of", on: "the packet filter", cause: error.cause)
            }
        }
        return contents
    }

    private mutating func add(_ document: JSONValue) {
        guard case .object(let top) = document, case .array(let objects)? = top["nftables"] else { return }
        for case .object(let object) in objects {
            guard case .object(let set)? = object["set"] ?? object["map"], case .array(let list)? = set["elem"],
                let family = set["family"], let name = set["name"]
            else { continue }
            for entry in list {
                var (element, value): (JSONValue, JSONValue?) = (entry, nil)
                if case .array(let pair) = entry, pair.count == 2 { (element, value) = (pair[0], pair[1]) }
                guard case .object(let wrapped) = element, case .object(let inner)? = wrapped["elem"],
                    let key = inner["val"], case .string(let owner)? = inner["comment"]
                else { continue }
                let isLimit = set["map"] == "limit"
                elements.append(
                    Element(
                        table: family, set: name, key: key, owner: owner, value: value, limit: isLimit ? value : nil))
            }
        }
    }

    /// Removes what belongs to owners that `isGone` says, in one transaction.
    func remove(from filter: PacketFilter, _ isGone: (String) -> Bool) throws(Failure) {
        var commands: [JSONValue] = []
        for element in elements where isGone(element.owner) {
            let table = JSONValue.string(FilterRules.table)
            commands.append([
                "delete": [
                    "element": ["family": element.table, "table": table, "name": element.set, "elem": [element.key]]
                ]
            ])
            guard let limit = element.limit else { continue }
            commands.append(["delete": ["limit": ["family": element.table, "table": table, "name": limit]]])
        }
        if commands.isEmpty { return }
        try filter.run(FilterElement.document(commands), to: "remove what containers left in the filter")
    }
}
