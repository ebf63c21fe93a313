import ClusterAPI
import ClusterModel
import Diagnostics

/// Finding what people mean: an id, the beginning of one, or a name.
enum Naming {
    static func task(_ word: String, in view: TasksView) throws(Failure) -> TaskView {
        let live = view.tasks + view.unreachable
        let all = live + view.completed
        if let exact = all.first(where: { $0.id.text == word }) { return exact }
        // Those that run go before those that did.
        for group in [live, Array(view.completed)] {
            // A whole name goes before the beginning of an id: 'web' is not 'web2'.
            let whole = group.filter { $0.name == word }
            let named = whole.isEmpty ? group.filter { $0.id.text.begins(with: word) } : whole
            if named.count == 1 { return named[0] }
            if named.count > 1 {
                throw ambiguous("task", word, named.map { $0.id.text }, see: "bulkhead task ls")
            }
        }
        throw unknown("task", word, see: "bulkhead task ls --all")
    }

    static func agent(_ word: String, in view: AgentsView) throws(Failure) -> AgentView {
        if let exact = view.agents.first(where: { $0.info.id.text == word }) { return exact }
        let named = view.agents.filter { $0.info.address.hostname == word || matches(word, $0.info.id.text) }
        return try only(named, "agent", word, "bulkhead agent ls") { $0.info.id.text }
    }

    static func framework(_ word: String, in view: FrameworksView) throws(Failure) -> FrameworkView {
        if let exact = view.frameworks.first(where: { $0.info.id.text == word }) { return exact }
        let named = view.frameworks.filter { $0.info.name == word || matches(word, $0.info.id.text) }
        return try only(named, "framework", word, "bulkhead framework ls") { $0.info.id.text }
    }

    /// Ids of agents and frameworks begin alike: their ends tell them apart, as `S3` and `0007` do.
    private static func matches(_ word: String, _ id: String) -> Bool {
        id.begins(with: word) || id.ends(with: "-\(word)")
    }

    private static func only<Found>(
        _ found: [Found], _ noun: String, _ word: String, _ see: String, _ id: (Found) -> String
    ) throws(Failure) -> Found {
        guard let first = found.first else { throw unknown(noun, word, see: see) }
        guard found.count == 1 else { throw ambiguous(noun, word, found.map(id), see: see) }
        return first
    }

    private static func unknown(_ noun: String, _ word: String, see: String) -> Failure {
        Failure(
            "cluster.not-found", doing: "find the \(noun)", on: word, cause: "the master knows none of this id or name",
            remedy: "see '\(see)'")
    }

    private static func ambiguous(_ noun: String, _ word: String, _ ids: [String], see: String) -> Failure {
        Failure(
            "cluster.ambiguous", doing: "choose the \(noun)", on: word,
            cause: "\(ids.count) of them match: " + ids.prefix(4).joined(separator: ", ")
                + (ids.count > 4 ? ", …" : ""),
            remedy: "give more of the id")
    }
}
