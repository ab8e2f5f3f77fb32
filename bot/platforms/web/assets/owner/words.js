// The words of the owner's page, added to those that both pages share.
import { addWords } from "../language.js";
import english from "./words_en.js";
import chinese from "./words_zh.js";

addWords({ en: english, zh: chinese });
