import LinuxKernel
import Testing

@testable import LayerUnpacking

@Suite("the walk to a directory") struct PathWalkTests {
    /// Walks with `links` by resolved path; everything else is a directory. Nil when the walk was refused.
    private func walk(_ path: String, links: [String: String], depthMax: Int = 4_096) throws -> String? {
        let components = path.split(separator: "/").map { RawPath(String($0)) }
        var walk = PathWalk(components, depthMax: depthMax, bytesMax: 4_096)
        do throws(PathWalk.Problem) {
            while case .lookUp(let name) = walk.next() {
                let here = (walk.resolved + [name]).map(\.description).joined(separator: "/")
                if let target = links[here] { try walk.follow(RawPath(target)) } else { try walk.entered() }
            }
        } catch {
            return nil
        }
        return "/" + walk.resolved.map(\.description).joined(separator: "/")
    }

    @Test("links lead on inside the root", arguments: [
        ("lib/x", ["lib": "usr/lib"], "/usr/lib/x"),
        ("a/b/c", ["a/b": "/d"], "/d/c"),
        ("a/b/c", ["a/b": "../../../../e"], "/e/c"),
        ("a/b/c", ["a/b": "."], "/a/c"),
        ("a/b/c", ["a/b": "/"], "/c"),
        ("a/b", ["a": "x", "x": "y/z", "y": "/w"], "/w/z/b"),
        ("var/run/lock", ["var/run": "/run"], "/run/lock"),
        ("l", ["l": "../../etc"], "/etc"),
        ("l/m", ["l": "d//./", "d/m": "../n"], "/n"),
    ])
    func followsInside(_ path: String, _ links: [String: String], _ expected: String) throws {
        #expect(try walk(path, links: links) == expected)
    }

    @Test("forty links are followed, more are not")
    func linkLimit() throws {
        for (count, isFollowed) in [(40, true), (41, false)] {
            let links = Dictionary(uniqueKeysWithValues: (0..<count).map { ("l\($0)", "l\($0 + 1)") })
            #expect(try (walk("l0", links: links) != nil) == isFollowed, "\(count)")
        }
        #expect(try walk("a", links: ["a": "a"]) == nil)
        #expect(try walk("a/x", links: ["a": "b", "b": "a"]) == nil)
    }

    @Test("the depth and the length of what was resolved are bounded")
    func depthLimit() throws {
        #expect(try walk("a/b/c", links: [:], depthMax: 3) == "/a/b/c")
        #expect(try walk("a/b/c/d", links: [:], depthMax: 3) == nil)
        #expect(try walk("a/l/c", links: ["a/l": "d/e"], depthMax: 3) == nil)
        let long = String(repeating: "n", count: 255)
        let path = Array(repeating: long, count: 15).joined(separator: "/")
        #expect(try walk(path, links: [:]) != nil)
        #expect(try walk("l/" + path, links: ["l": path]) == nil)
    }
}
