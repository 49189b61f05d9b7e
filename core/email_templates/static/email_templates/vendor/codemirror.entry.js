// What codemirror.js is made of. To make it anew, in an empty folder with this file:
//   npm install @codemirror/state @codemirror/view @codemirror/commands @codemirror/language @codemirror/search \
//       @codemirror/lang-html @codemirror/lang-css @codemirror/lang-xml @lezer/highlight esbuild
//   npx esbuild codemirror.entry.js --bundle --minify --format=iife --global-name=CodeMirror --legal-comments=none \
//       --target=es2020 --alias:@codemirror/lang-javascript=./codemirror.noscript.js --outfile=codemirror.js
export { EditorState, Compartment, StateEffect, StateField, RangeSetBuilder, EditorSelection } from "@codemirror/state";
export { EditorView, keymap, lineNumbers, highlightActiveLine, highlightActiveLineGutter, highlightSpecialChars, drawSelection, rectangularSelection, Decoration, ViewPlugin, MatchDecorator, GutterMarker, gutter } from "@codemirror/view";
export { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
export { searchKeymap, search, highlightSelectionMatches, openSearchPanel } from "@codemirror/search";
export { bracketMatching, foldGutter, foldKeymap, indentOnInput, HighlightStyle, syntaxHighlighting, indentUnit } from "@codemirror/language";
export { html } from "@codemirror/lang-html";
export { xml } from "@codemirror/lang-xml";
export { tags } from "@lezer/highlight";
