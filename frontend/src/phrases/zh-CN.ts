import { makeBook } from './book';
import access from './zh-CN/access.json';
import federation from './zh-CN/federation.json';
import fleet from './zh-CN/fleet.json';
import imports from './zh-CN/import.json';
import platform from './zh-CN/platform.json';
import words from './zh-CN/words.json';
import yaml from './zh-CN/yaml.json';

export const known = makeBook([words, access, federation, fleet, imports, platform, yaml].flatMap((part) => Object.entries(part)));
