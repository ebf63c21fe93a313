import Diagnostics

/// `--label NAME=VALUE` over an image's labels.
enum LabelFlags {
    static func merged(_ flags: [String], over image: [String: String]) throws(Failure) -> [String: String] {
        var labels = image
        for flag in flags {
            let pair = flag.cut(at: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard !pair[0].isEmpty else {
                throw .flag("label", flag, cause: "it has no name", remedy: "write NAME=VALUE")
            }
            labels[pair[0]] = pair.count == 2 ? pair[1] : ""
        }
        return labels
    }
}
