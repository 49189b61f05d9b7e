// Scripts are taken out of mails, so their grammar stays out of the bundle; what looks like one is shown as CSS is.
import { LanguageSupport } from "@codemirror/language";
import { cssLanguage } from "@codemirror/lang-css";
const parser = Object.create(cssLanguage.parser, { configure: { value: () => cssLanguage.parser } });
const plain = Object.create(cssLanguage, { parser: { value: parser } });
export const javascriptLanguage = plain, typescriptLanguage = plain, jsxLanguage = plain, tsxLanguage = plain;
export const javascript = () => new LanguageSupport(cssLanguage);
