import Diagnostics
import Yams

/// A file of sections, one for each command, with the command's options in it. Every entry knows its line.
struct ConfigurationFile: Equatable, Sendable {
    struct Entry: Equatable, Sendable {
        var key: String
        /// More than one only for options that may be repeated.
        var values: [String]
        var line: Int
    }
    struct Section: Equatable, Sendable {
        var name: String
        var line: Int
        var entries: [Entry]
    }
    var path: String
    var sections: [Section]

    static let usualPath = "/etc/bulkhead/bulkhead.yaml"
    static let bytesMax = 1 << 20

    /// - Throws: `config.invalid`, saying in which line.
    static func parse(_ text: String, path: String) throws(Failure) -> ConfigurationFile {
        let root: Node?
        do {
            root = try Yams.compose(yaml: text)
        } catch let error as YamlError {
            throw invalid(path, nil, "it is not YAML: \(String("\(error)".cut(at: "\n").first ?? ""))")
        } catch {
            throw invalid(path, nil, "it is not YAML")
        }
        var file = ConfigurationFile(path: path, sections: [])
        guard let root, root.null == nil || root.mapping != nil else { return file }
        guard let mapping = root.mapping else { throw invalid(path, root.mark?.line, "it has no sections") }
        for (key, content) in mapping {
            let line = key.mark?.line ?? 0
            guard let name = key.string else { throw invalid(path, line, "a section has a name") }
            guard !file.sections.contains(where: { $0.name == name }) else {
                throw invalid(path, line, "there are two sections '\(name)'")
            }
            file.sections.append(Section(name: name, line: line, entries: try entries(content, of: name, path, line)))
        }
        return file
    }

    private static func entries(
        _ content: Node, of section: String, _ path: String, _ line: Int
    ) throws(Failure) -> [Entry] {
        // A section whose lines are all commented out is null.
        guard let mapping = content.mapping else {
            if content.scalar?.string.isEmpty == true || content.null != nil { return [] }
            throw invalid(path, line, "the section '\(section)' has no options in it")
        }
        var entries: [Entry] = []
        for (key, value) in mapping {
            let line = key.mark?.line ?? 0
            guard let name = key.string, !entries.contains(where: { $0.key == name }) else {
                throw invalid(path, line, "an option has a name, and is there once")
            }
            var values: [String] = []
            for node in value.sequence.map(Array.init) ?? [value] {
                guard let scalar = node.scalar else {
                    throw invalid(path, line, "'\(name)' is neither a value nor a list of values")
                }
                values.append(scalar.string)
            }
            entries.append(Entry(key: name, values: values, line: line))
        }
        return entries
    }

    static func invalid(_ path: String, _ line: Int?, _ cause: String, remedy: String? = nil) -> Failure {
        Failure(
            "config.invalid", doing: "use the configuration", on: path,
            cause: line.map { "line \($0): \(cause)" } ?? cause,
            remedy: remedy ?? "see 'bulkhead help COMMAND' for the options each section can have")
    }
}
