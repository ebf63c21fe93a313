import Containers
import Testing

@Suite("Places in a container")
struct TargetPathTests {
    @Test(
        "a place is above what is below it, not above itself nor beside what only begins like it",
        arguments: [
            ("/a", "/a/b", true), ("/a/", "//a/./b/c", true), ("/", "/a", true), ("/a", "/a/.", false),
            ("/a", "/ab", false), ("/a/b", "/a", false), ("/a/b", "/a/c/b", false),
        ])
    func above(_ place: String, _ other: String, _ isAbove: Bool) {
        #expect(TargetPath(place).isAbove(TargetPath(other)) == isAbove)
    }
}
