import CommandOutput
import Diagnostics
import Testing

@testable import bulkhead_cluster

@Suite("Words the cluster's commands do not know")
struct RefusalTests {
    @Test(
        "are told with those that may have been meant",
        arguments: [
            (
                "task run --memry 64m busybox",
                "unknown option '--memry'; did you mean --memory? see 'bulkhead task run --help'"
            ),
            ("task rnu busybox", "there is no command 'rnu'; did you mean run? see 'bulkhead task --help'"),
            ("task frobnicate", "there is no command 'frobnicate'; see 'bulkhead task --help'"),
            (
                "agent --master http://m --resurces cpus:1",
                "unknown option '--resurces'; did you mean --resources? see 'bulkhead agent --help'"
            ),
            ("agent ls --fly", "unknown option '--fly'; see 'bulkhead agent ls --help'"),
            ("local --prot=1", "unknown option '--prot'; did you mean --port? see 'bulkhead local --help'"),
            ("quota sett", "there is no command 'sett'; did you mean set? see 'bulkhead quota --help'"),
        ])
    func unknown(_ words: String, _ sentence: String) {
        let line = ArgumentLine(words.split(separator: " ").map(String.init), .cluster)
        let error = #expect(throws: (any Error).self) { try BulkheadCluster.parseAsRoot(line.arguments) }
        let failure = error.map { RefusalReport(BulkheadCluster.self, line).refusal(for: $0) }
        #expect(failure?.description == "cannot understand the command line: " + sentence)
    }
}
