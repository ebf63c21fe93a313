extension HTMLReport {
    /// Dark and light by the reader's choice, on paper always light. Tables keep their columns where there is room, and
    /// become lists where there is none; what is folded away on a screen is printed.
    static let style = """
        \(colours)*{box-sizing:border-box}
        body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,sans-serif;\
        overflow-wrap:break-word}
        main{max-width:70rem;margin:0 auto;padding:2rem 1rem}
        h1{margin:0;font-size:1.6rem}h2{margin:2.5rem 0 0;font-size:1.25rem}h3{margin:0 0 .5rem;font-size:1rem}
        p{margin:.3rem 0}.facts,header p{color:var(--soft)}a{color:var(--low)}i{color:var(--soft)}
        .tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(6rem,1fr));gap:.6rem;margin-top:1rem}
        .tile{background:var(--sheet);border:1px solid var(--line);border-top:3px solid var(--c);border-radius:.5rem;\
        padding:.5rem .9rem}
        .tile b{display:block;font-size:1.5rem;color:var(--c)}.tile span{color:var(--soft)}
        .tile.none{border-top-color:var(--line)}.tile.none b{color:var(--soft);font-weight:400}
        .critical{--c:var(--critical)}.high{--c:var(--high)}.medium{--c:var(--medium)}.low{--c:var(--low)}
        .info{--c:var(--info)}.unknown{--c:var(--unknown)}.pass{--c:var(--pass)}
        nav ul{list-style:none;margin:1rem 0 0;padding:0}nav li{padding:.3rem 0;border-bottom:1px solid var(--line)}
        article{background:var(--sheet);border:1px solid var(--line);border-left:4px solid var(--c);\
        border-radius:.5rem;padding:.9rem 1.1rem;margin:.8rem 0}
        .badge{color:var(--c);border:1px solid var(--c);border-radius:1rem;padding:0 .6rem;font-size:.8rem;\
        white-space:nowrap}
        .id{color:var(--soft);font-weight:400}.clean{color:var(--pass)}
        table{border-collapse:collapse;table-layout:fixed;width:100%;margin:.5rem 0}
        th,td{text-align:left;vertical-align:top;padding:.3rem .6rem .3rem 0;border-bottom:1px solid var(--line)}
        th{color:var(--soft);font-weight:500}code{font-size:.85rem}
        .seen th:first-child{width:45%}.declared th:first-child{width:40%}.declared th:last-child{width:22%}
        .rules th:first-child{width:8rem}.rules th:last-child{width:8rem}
        summary{cursor:pointer;color:var(--soft);margin-top:1rem}
        @media(max-width:44rem){thead{position:absolute;clip-path:inset(50%);width:1px;height:1px;overflow:hidden}\
        tr{display:block;padding:.3rem 0;border-bottom:1px solid var(--line)}\
        td{display:flex;gap:.6rem;padding:.1rem 0;border:0}\
        td::before{content:attr(data-name);color:var(--soft);flex:0 0 4.5rem}td>*{min-width:0}}
        @media print{body{font-size:11px}main{max-width:none;padding:0}\
        article,tr,nav li,.tile{break-inside:avoid}h2,h3{break-after:avoid}\
        details::details-content{content-visibility:visible;block-size:auto}summary{list-style:none}\
        a{color:inherit;text-decoration:none}}
        """

    private static let colours = """
        :root{--paper:#f6f7f9;--sheet:#fff;--ink:#1b2330;--soft:#5c6676;--line:#dfe3ea;\
        --critical:#a3123a;--high:#c2410c;--medium:#9a6700;--low:#1d5fbf;--info:#5c6676;\
        --unknown:#6d3fc0;--pass:#1a7f4b}
        @media screen and (prefers-color-scheme:dark){:root{--paper:#11151c;--sheet:#1a2029;--ink:#e6e9ef;\
        --soft:#9aa5b5;--line:#2d3643;--critical:#ff7a9a;--high:#ff9c66;\
        --medium:#e6b450;--low:#79b0ff;--info:#9aa5b5;--unknown:#bd9bff;--pass:#5fd39a}}
        @media print{:root{color-scheme:light;--paper:#fff}}

        """
}
